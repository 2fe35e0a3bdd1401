package simulator

import "math"

func (g *Group) info() *object {
	return new(object).add("group_all_shut", shut(g)).add("group_remark", "").add("group_id", g.ID).add("group_name", g.Name).
		add("member_count", len(g.Members)).add("max_member_count", 200)
}

func shut(g *Group) int64 {
	if g.AllMuted {
		return -1
	}
	return 0
}

func groupList(c *Call) (any, error) {
	return c.world(func(s *state) (any, error) {
		list := make([]*object, 0, len(s.Groups))
		for i := range s.Groups {
			list = append(list, s.Groups[i].info())
		}
		return raws(list), nil
	})
}

func groupInfo(c *Call) (any, error) {
	return c.inGroup(func(_ *state, g *Group) (any, error) { return g.info(), nil })
}

// inGroup finds the group of the parameter group_id.
func (c *Call) inGroup(f func(*state, *Group) (any, error)) (any, error) {
	return c.world(func(s *state) (any, error) {
		g := s.group(c.Params.ID("group_id"))
		if g == nil {
			return nil, broken("群%s不存在", c.Params.Text("group_id"))
		}
		return f(s, g)
	})
}

// info is a member as get_group_member_info shows it; level is a text as in NapCat.
func (m *Member) info(s *state, g *Group) *object {
	return new(object).add("group_id", g.ID).add("user_id", m.ID).add("nickname", s.nickname(m.ID)).add("card", m.Card).
		add("sex", "unknown").add("age", 0).add("area", "").add("level", "1").add("qq_level", 0).add("join_time", 0).
		add("last_sent_time", 0).add("title_expire_time", 0).add("unfriendly", false).add("card_changeable", true).
		add("is_robot", false).add("shut_up_timestamp", m.MutedUntil).add("role", string(m.role())).add("title", m.Title)
}

func memberInfo(c *Call) (any, error) {
	return c.inGroup(func(s *state, g *Group) (any, error) {
		m := g.member(c.Params.ID("user_id"))
		if m == nil {
			return nil, broken("群(%d)成员%s不存在", g.ID, c.Params.Text("user_id"))
		}
		return m.info(s, g), nil
	})
}

func memberList(c *Call) (any, error) {
	return c.inGroup(func(s *state, g *Group) (any, error) {
		list := make([]*object, 0, len(g.Members))
		for i := range g.Members {
			list = append(list, g.Members[i].info(s, g))
		}
		return raws(list), nil
	})
}

func shutList(c *Call) (any, error) {
	return c.inGroup(func(s *state, g *Group) (any, error) {
		list := []*object{}
		for _, m := range g.Members {
			if m.MutedUntil > s.now().Unix() {
				list = append(list, new(object).add("uin", decimal(m.ID)).add("nick", s.nickname(m.ID)).add("shutUpTime", m.MutedUntil))
			}
		}
		return raws(list), nil
	})
}

// systemMessages lists join and invite requests; request_id is the flag as a number.
func systemMessages(c *Call) (any, error) {
	return c.world(func(s *state) (any, error) {
		invited, joining := []*object{}, []*object{}
		left := c.Params.int("count", 50)
		for i := len(s.requests) - 1; i >= 0 && left > 0; i-- {
			r := s.requests[i]
			if r.Type != "group" {
				continue
			}
			left--
			name := ""
			if g := s.group(r.Group); g != nil {
				name = g.Name
			}
			o := new(object).add("request_id", toID(r.Flag)).add("invitor_uin", r.User).add("invitor_nick", s.nickname(r.User)).
				add("group_id", r.Group).add("message", r.Comment).add("group_name", name).add("checked", r.done).
				add("actor", 0).add("requester_nick", s.nickname(r.User))
			if r.SubType == "invite" {
				invited = append(invited, o)
			} else {
				joining = append(joining, o)
			}
		}
		return new(object).add("invited_requests", raws(invited)).add("InvitedRequest", raws(invited)).add("join_requests", raws(joining)), nil
	})
}

// manage changes a member of a group, if the account may, and announces it.
func (c *Call) manage(user uint64, change func(s *state, g *Group, m *Member) []Field) error {
	return c.alter(func(s *state) ([]Field, error) {
		g := s.group(c.Params.ID("group_id"))
		if g == nil {
			return nil, broken("群%s不存在", c.Params.Text("group_id"))
		}
		if me := g.member(s.SelfID); me == nil || me.role() == RoleMember && user != s.SelfID {
			return nil, broken("没有权限")
		}
		m := g.member(user)
		if m == nil && user != 0 {
			return nil, broken("群(%d)成员%d不存在", g.ID, user)
		}
		return change(s, g, m), nil
	})
}

// setBan: without duration the ban is lifted (reference 10.3).
func setBan(c *Call) (any, error) {
	user := c.Params.ID("user_id")
	if user == 0 {
		return nil, broken("uid error")
	}
	return nil, c.manage(user, func(s *state, g *Group, _ *Member) []Field {
		return GroupBan(g.ID, user, s.SelfID, max(0, c.Params.int("duration", 0)))
	})
}

func setWholeBan(c *Call) (any, error) {
	on := c.Params.enabled("enable", true)
	return nil, c.manage(0, func(s *state, g *Group, _ *Member) []Field {
		seconds := int64(0)
		if on {
			seconds = -1
		}
		return GroupBan(g.ID, 0, s.SelfID, seconds)
	})
}

func setKick(c *Call) (any, error) { return nil, c.kick(c.Params.ID("user_id")) }

func (c *Call) kick(user uint64) error {
	if user == 0 {
		return broken("get Uid Error")
	}
	return c.manage(user, func(s *state, g *Group, _ *Member) []Field { return GroupDecrease(g.ID, user, s.SelfID, "kick") })
}

func setKickMembers(c *Call) (any, error) {
	users, _ := c.Params["user_id"].([]any)
	for _, user := range users {
		if err := c.kick(toID(user)); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// setAdmin: without enable admin is taken away (reference 10.3); the text "1" means unset too.
func setAdmin(c *Call) (any, error) {
	user, set := c.Params.ID("user_id"), c.Params.strictly("enable")
	if text, ok := c.Params["enable"].(string); ok {
		set = text == "true"
	}
	if user == 0 {
		return nil, broken("get Uid Error")
	}
	return nil, c.manage(user, func(_ *state, g *Group, _ *Member) []Field { return GroupAdmin(g.ID, user, set) })
}

// setCard announces nothing: NapCat reports a changed card only with the member's next message. Here it does so at once.
func setCard(c *Call) (any, error) {
	user := c.Params.ID("user_id")
	return nil, c.manage(user, func(_ *state, g *Group, m *Member) []Field {
		if m == nil {
			return nil
		}
		return GroupCard(g.ID, user, c.Params.Text("card"), m.Card)
	})
}

func setName(c *Call) (any, error) {
	return nil, c.manage(0, func(s *state, g *Group, _ *Member) []Field {
		return GroupName(g.ID, s.SelfID, c.Params.Text("group_name"))
	})
}

func setTitle(c *Call) (any, error) {
	user := c.Params.ID("user_id")
	return nil, c.manage(user, func(_ *state, g *Group, m *Member) []Field {
		if m == nil {
			return nil
		}
		return GroupTitle(g.ID, user, c.Params.Text("special_title"))
	})
}

// setLeave ignores is_dismiss.
func setLeave(c *Call) (any, error) {
	err := c.alter(func(s *state) ([]Field, error) {
		g := s.group(c.Params.ID("group_id"))
		if g == nil {
			return nil, broken("群%s不存在", c.Params.Text("group_id"))
		}
		return GroupDecrease(g.ID, s.SelfID, 0, "leave"), nil
	})
	return absent{}, err
}

// sendPoke: with group_id a group poke, else a friend poke.
func sendPoke(c *Call) (any, error) {
	group, user := c.Params.ID("group_id"), c.Params.ID("user_id")
	target := firstID(c.Params["target_id"], c.Params["user_id"])
	return absent{}, c.alter(func(s *state) ([]Field, error) {
		if group == 0 {
			return FriendPoke(user, s.SelfID, target), nil
		}
		if s.group(group) == nil {
			return nil, broken("群%d不存在", group)
		}
		return GroupPoke(group, s.SelfID, target), nil
	})
}

// answerFriend: approve defaults to true, and the number 0 becomes the text "0", which approves as well.
func answerFriend(c *Call) (any, error) {
	approve := true
	switch v := c.Params["approve"].(type) {
	case bool:
		approve = v
	case string:
		approve = v != "false"
	}
	return absent{}, c.alter(func(s *state) ([]Field, error) {
		r := s.findRequest("friend", c.Params.Text("flag"))
		if r == nil || r.done {
			return nil, broken("No such request")
		}
		r.done = true
		if !approve {
			return nil, nil
		}
		return FriendAdd(r.User), nil
	})
}

// answerGroup searches the latest count requests; sub_type is ignored.
func answerGroup(c *Call) (any, error) {
	approve := c.Params.enabled("approve", true)
	return nil, c.alter(func(s *state) ([]Field, error) {
		r := s.findRequest("group", c.Params.Text("flag"))
		if r == nil || r.done || s.age(r) >= c.Params.int("count", 100) {
			return nil, broken("No such request")
		}
		r.done = true
		if !approve {
			return nil, nil
		}
		if r.SubType != "invite" {
			return GroupIncrease(r.Group, r.User, s.SelfID, "approve"), nil
		}
		if s.group(r.Group) == nil {
			s.Groups = append(s.Groups, Group{ID: r.Group, Name: decimal(r.Group), Members: []Member{{ID: r.User, Role: RoleOwner}}})
		}
		return GroupIncrease(r.Group, s.SelfID, r.User, "approve"), nil // the account's own join always says approve
	})
}

// age is how many newer group requests there are.
func (s *state) age(r *request) int64 {
	newer := int64(0)
	for i := len(s.requests) - 1; i >= 0 && newer < math.MaxInt32; i-- {
		if s.requests[i] == r {
			break
		}
		if s.requests[i].Type == "group" {
			newer++
		}
	}
	return newer
}
