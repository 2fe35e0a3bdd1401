package simulator

import "encoding/json"

// actions is what the simulator really does. Every other action of the catalogue that NapCat has is answered ok with
// null (or with the empty data below), and what is not in the catalogue does not exist.
func actions() map[string]action {
	table := map[string]action{
		"get_login_info":   {run: loginInfo},
		"get_status":       {run: status},
		"get_version_info": {run: versionInfo},
		"set_restart":      {run: restart},
		"bot_exit":         {run: exit},
		"set_qq_profile":   {run: setProfile},

		"get_friend_list":       {run: friendList},
		"get_stranger_info":     {run: strangerInfo},
		"delete_friend":         {run: deleteFriend},
		"set_friend_remark":     {run: setFriendRemark},
		"get_group_list":        {run: groupList},
		"get_group_info":        {run: groupInfo},
		"get_group_member_info": {run: memberInfo},
		"get_group_member_list": {run: memberList},
		"get_group_shut_list":   {run: shutList},
		"get_group_system_msg":  {run: systemMessages},

		"set_group_ban":           {run: setBan},
		"set_group_whole_ban":     {run: setWholeBan},
		"set_group_kick":          {run: setKick},
		"set_group_kick_members":  {run: setKickMembers},
		"set_group_admin":         {run: setAdmin},
		"set_group_card":          {run: setCard},
		"set_group_name":          {run: setName},
		"set_group_special_title": {run: setTitle},
		"set_group_leave":         {run: setLeave},
		"set_friend_add_request":  {run: answerFriend},
		"set_group_add_request":   {run: answerGroup},
		"set_essence_msg":         {run: setEssence},
		"set_msg_emoji_like":      {run: setEmojiLike},
		"send_like":               {run: nothing},

		"delete_msg":              {run: deleteMessage},
		"get_msg":                 {run: getMessage},
		"get_group_msg_history":   {run: groupHistory},
		"get_friend_msg_history":  {run: friendHistory},
		"get_forward_msg":         {run: getForward},
		"get_recent_contact":      {run: recentContacts},
		".handle_quick_operation": {run: quickOperation},

		"get_file":            {run: getFile},
		"get_image":           {run: getFile},
		"get_record":          {run: getRecord},
		"upload_group_file":   {run: uploadFile},
		"upload_private_file": {run: uploadFile},

		"upload_file_stream":          {run: uploadStream, stream: true},
		"download_file_stream":        {run: downloadStream, stream: true},
		"download_file_image_stream":  {run: downloadStream, stream: true},
		"download_file_record_stream": {run: downloadStream, stream: true},
		"test_download_stream":        {run: testStream, stream: true},
		"clean_stream_temp_file":      {run: cleanStreams, stream: true},

		SayAction: {run: say, loose: true},
	}
	for _, name := range []string{"send_msg", "send_private_msg", "send_group_msg"} {
		table[name] = action{run: sendMessage, loose: true}
	}
	for _, name := range []string{"send_forward_msg", "send_private_forward_msg", "send_group_forward_msg"} {
		table[name] = action{run: sendForward, loose: true}
	}
	for _, name := range []string{"send_poke", "friend_poke", "group_poke"} {
		table[name] = action{run: sendPoke}
	}
	for name, data := range empties() {
		table[name] = action{run: func(*Call) (any, error) { return json.RawMessage(data), nil }}
	}
	return table
}

// empties are the answers of actions that know of nothing here. Keys are no secrets: they open nothing.
func empties() map[string]string {
	return map[string]string{
		"can_send_image":                 `{"yes":true}`,
		"can_send_record":                `{"yes":true}`,
		"get_cookies":                    `{"cookies":"simulated=1","bkn":"1"}`,
		"get_csrf_token":                 `{"token":1}`,
		"get_credentials":                `{"cookies":"simulated=1","token":1}`,
		"get_clientkey":                  `{"clientkey":"simulated"}`,
		"get_rkey":                       `[{"type":"private","rkey":"&rkey=simulated","created_at":0,"ttl":"7200"},{"type":"group","rkey":"&rkey=simulated","created_at":0,"ttl":"7200"}]`,
		"nc_get_rkey":                    `[{"rkey":"&rkey=simulated","ttl":"7200","time":0,"type":10},{"rkey":"&rkey=simulated","ttl":"7200","time":0,"type":20}]`,
		"check_url_safely":               `{"level":1}`,
		"get_online_clients":             `[]`,
		"get_friends_with_category":      `[]`,
		"get_unidirectional_friend_list": `[]`,
		"get_essence_msg_list":           `[]`,
		"_get_group_notice":              `[]`,
		"fetch_custom_face":              `[]`,
		"get_robot_uin_range":            `[]`,
		"get_ai_characters":              `[]`,
		"get_group_signed_list":          `[]`,
		"get_group_ignore_add_request":   `[]`,
		"get_doubt_friends_add_request":  `[]`,
		"get_group_at_all_remain":        `{"can_at_all":true,"remain_at_all_count_for_group":10,"remain_at_all_count_for_uin":10}`,
		"get_group_honor_info":           `{"group_id":0,"current_talkative":{},"talkative_list":[],"performer_list":[],"legend_list":[],"emotion_list":[],"strong_newbie_list":[]}`,
		"get_group_file_system_info":     `{"file_count":0,"limit_count":10000,"used_space":0,"total_space":10737418240}`,
		"get_group_root_files":           `{"files":[],"folders":[]}`,
		"get_group_files_by_folder":      `{"files":[],"folders":[]}`,
		"get_group_ignored_notifies":     `{"invited_requests":[],"InvitedRequest":[],"join_requests":[]}`,
	}
}

// nothing is what NapCat's handlers without a result do: the answer has no key data.
func nothing(*Call) (any, error) { return absent{}, nil }

// world lets f read or change the state under its lock.
func (c *Call) world(f func(*state) (any, error)) (any, error) {
	c.nap.mu.Lock()
	defer c.nap.mu.Unlock()
	return f(&c.nap.state)
}

// alter lets f change the state and sends the notices that f returns, in order with all other events.
func (c *Call) alter(f func(*state) ([]Field, error)) error {
	var err error
	c.nap.change(func(s *state) [][]byte {
		var fields []Field
		if fields, err = f(s); err != nil || fields == nil {
			return nil
		}
		s.apply(fields)
		return [][]byte{s.notice(fields...)}
	})
	return err
}
