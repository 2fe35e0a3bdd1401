package onebot12

import (
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/onebot"
)

// Kind is who does what a request asks for.
type Kind uint8

// The kinds of plan. All but Upstream are the caller's, who answers with AppendOK and the data that is named here.
const (
	// Upstream: the calls go to NapCat, one after the other, each after the answer to the one before.
	Upstream         Kind = iota
	SupportedActions      // AppendSupported
	Status                // AppendStatus
	Version               // AppendVersion
	LatestEvents          // Plan.Latest; AppendEvents
	UploadFile            // Plan.Upload; AppendFileID
	UploadPrepare         // Plan.Piece: Name, Total; AppendFileID
	UploadTransfer        // Plan.Piece: FileID, Offset, Data; nil
	UploadFinish          // Plan.Piece: FileID, SHA256; AppendFileID
	GetFile               // Plan.Get; AppendFile
	GetPrepare            // Plan.Piece: FileID; AppendFileInfo
	GetTransfer           // Plan.Piece: FileID, Offset, Size; AppendFileData
)

// Plan is what a request takes to be done.
type Plan struct {
	Kind   Kind
	Calls  []Call // of Upstream; never empty then
	Latest Latest
	Upload Upload
	Piece  Piece
	Get    Get

	shape shape
	asked uint64 // the user that was asked about
}

// Call is one OneBot 11 action.
type Call struct {
	Action string
	Params []byte // raw object
}

// Latest are the params of get_latest_events.
type Latest struct {
	Limit   int64 // 0 = all
	Timeout time.Duration
}

// File is one that an app names by file_id, as NapCat is to get it.
type File struct {
	File string // what goes into the segment's data.file: "/media/KEY", an address, a path
	Name string // for people, "" = unknown
}

// PlanOptions are what a plan depends on.
type PlanOptions struct {
	Self uint64
	// Open finds a file by its id. nil, and false, answer FileUnknown.
	Open func(fileID string) (File, bool)
	// TempGroup is the group through which a stranger's temporary session with the bot goes, 0 if there is none.
	TempGroup func(user uint64) (group uint64)
	// Polls: get_latest_events is served on this road (HTTP with event_enabled).
	Polls bool
	// Files: the file actions are served; else they answer UnsupportedAction, and media are sent by the address they came with.
	Files bool
	// LocationText sends a location as text instead of refusing it.
	LocationText bool
}

// noMedia is why there are no files.
const noMedia = "catflap keeps no media here (media.maxTotalMb)"

// maxPoll bounds how long get_latest_events may wait.
const maxPoll = 10 * time.Minute

// Plan says what is to be done. The fault is what to answer instead: nothing has gone upstream then.
func (r *Request) Plan(o *PlanOptions) (*Plan, *Fault) {
	switch r.Action {
	case "get_supported_actions":
		return &Plan{Kind: SupportedActions}, nil
	case "get_status":
		return &Plan{Kind: Status}, nil
	case "get_version":
		return &Plan{Kind: Version}, nil
	case "get_latest_events":
		return r.latest(o)
	case "upload_file", "upload_file_fragmented", "get_file", "get_file_fragmented":
		if !o.Files {
			return nil, fault(UnsupportedAction, "%s: %s", r.Action, noMedia)
		}
		return r.file()
	case "send_message":
		return r.send(o)
	}
	if ofGuilds(r.Action) {
		return nil, fault(UnsupportedAction, "%s: there are no guilds and channels here", r.Action)
	}
	if plan, bad, ours := r.standard(); ours {
		return plan, bad
	}
	return r.pass(o)
}

func (r *Request) latest(o *PlanOptions) (*Plan, *Fault) {
	if !o.Polls {
		return nil, fault(UnsupportedAction, "get_latest_events is for HTTP connections that keep events")
	}
	limit, bad := r.count("limit", false)
	if bad != nil {
		return nil, bad
	}
	wait, bad := r.count("timeout", false)
	if bad != nil {
		return nil, bad
	}
	p := &Plan{Kind: LatestEvents, Latest: Latest{Limit: limit, Timeout: maxPoll}}
	if wait < int64(maxPoll/time.Second) {
		p.Latest.Timeout = time.Duration(wait) * time.Second
	}
	return p, nil
}

// one is a plan of a single call.
func one(s shape, action string, params []byte) *Plan {
	return &Plan{Calls: []Call{{action, params}}, shape: s}
}

// standard plans the standard's actions on people and groups; ours is false for all others.
func (r *Request) standard() (p *Plan, bad *Fault, ours bool) {
	var group, user int64
	params := []byte("{")
	member := func(name string, n int64) { params = number(params, name, n) }
	switch r.Action {
	case "get_self_info":
		return one(shapeSelf, "get_login_info", []byte("{}")), nil, true
	case "get_friend_list":
		return one(shapeFriends, "get_friend_list", []byte("{}")), nil, true
	case "get_group_list":
		return one(shapeGroups, "get_group_list", []byte("{}")), nil, true
	case "delete_message":
		id, bad := r.id("message_id")
		if bad != nil {
			return nil, bad, true
		}
		member("message_id", id)
		return one(shapeNull, "delete_msg", append(params, '}')), nil, true
	case "get_user_info":
		if user, bad = r.uin("user_id"); bad != nil {
			return nil, bad, true
		}
		member("user_id", user)
		p = one(shapeUser, "get_stranger_info", append(params, `,"no_cache":false}`...))
		p.asked = uint64(user)
		return p, nil, true
	case "get_group_info", "get_group_member_info", "get_group_member_list", "set_group_name", "leave_group":
	default:
		return nil, nil, false
	}
	if group, bad = r.uin("group_id"); bad != nil {
		return nil, bad, true
	}
	member("group_id", group)
	switch r.Action {
	case "get_group_info":
		p = one(shapeGroup, "get_group_info", append(params, '}'))
	case "get_group_member_info":
		if user, bad = r.uin("user_id"); bad != nil {
			return nil, bad, true
		}
		member("user_id", user)
		p = one(shapeMember, "get_group_member_info", append(params, `,"no_cache":false}`...)) // NapCat's default is true
	case "get_group_member_list":
		p = one(shapeMembers, "get_group_member_list", append(params, `,"no_cache":false}`...))
	case "set_group_name":
		name, bad := r.text("group_name")
		if bad != nil {
			return nil, bad, true
		}
		p = one(shapeNull, "set_group_name", append(quoted(params, "group_name", name), '}'))
	case "leave_group":
		dismiss, known := r.param("is_dismiss").truth()
		if !known && !r.param("is_dismiss").missing() {
			return nil, fault(BadParam, "params.qq.is_dismiss is neither true nor false"), true
		}
		p = one(shapeNull, "set_group_leave", append(strconv.AppendBool(key(params, "is_dismiss"), dismiss), '}'))
	}
	return p, nil, true
}

// synonyms are names that other implementations gave to actions of OneBot 11.
func synonym(name string) (action, more string) {
	switch name {
	case "get_message":
		return "get_msg", ""
	case "kick_group_member":
		return "set_group_kick", ""
	case "ban_group_member":
		return "set_group_ban", ""
	case "unban_group_member":
		return "set_group_ban", `"duration":0`
	}
	return "", ""
}

// pass plans an action of OneBot 11: "qq." and its name, or the bare name where OneBot 12 has no action of that name.
func (r *Request) pass(o *PlanOptions) (*Plan, *Fault) {
	name, prefixed := strings.CutPrefix(r.Action, Platform+".")
	more := ""
	if name == "" {
		return nil, fault(UnsupportedAction, "%q is no action that is known here", r.Action)
	}
	if !prefixed {
		if action, add := synonym(name); action != "" {
			name, more = action, add
		}
		base, _ := onebot.Normalise(name)
		if info, known := onebot.Lookup(base); !known || !info.InNapCat {
			hint := ""
			if near := nearest(r.Action); near != "" {
				hint = "; did you mean " + near + "?"
			}
			return nil, fault(UnsupportedAction, "%.64q is no action that is known here%s", r.Action, hint)
		}
	}
	if onebot.Streams(name) {
		return nil, fault(UnsupportedAction, "%.64q is answered in several pieces, for which OneBot 12 has no form: call get_file or get_file_fragmented", r.Action)
	}
	params, bad := r.passed(name, more, o)
	if bad != nil {
		return nil, bad
	}
	p := one(shapePass, name, params)
	switch base, _ := onebot.Normalise(name); base {
	case "get_msg":
		p.shape = shapeMessage
	case "get_forward_msg":
		p.shape = shapeForward
	}
	return p, nil
}

// passed are the params of an action of OneBot 11: as they came, but for the prefix of extensions, and what catflap itself
// puts into calls.
func (r *Request) passed(name, more string, o *PlanOptions) ([]byte, *Fault) {
	base, _ := onebot.Normalise(name)
	forwards := base == "send_forward_msg" || base == "send_group_forward_msg" || base == "send_private_forward_msg"
	if more == "" && !forwards && plainParams(r.params) {
		return r.Params, nil
	}
	dst := []byte{'{'}
	var bad *Fault
	eachFlat(r.params, func(name string, v value) {
		switch {
		case name == "self_id", name == "echo", bad != nil:
		case more != "" && name == "duration":
		case forwards && (name == "messages" || name == "message") && v.kind() == '[':
			w := writer{o: o}
			dst = key(dst, name)
			dst, bad = w.nodes(dst, v, false)
		default:
			dst = append(append(comma(dst), onebot.Quoted(name)...), ':')
			dst = append(dst, v.raw()...)
		}
	})
	if bad != nil {
		return nil, bad
	}
	if more != "" {
		dst = append(comma(dst), more...)
	}
	return append(dst, '}'), nil
}

// plainParams: nothing in them is to be changed.
func plainParams(params value) bool {
	for c := params.first(); c.ok(); c = params.after(c) {
		switch name := c.name(); {
		case name == "self_id", name == "echo", strings.HasPrefix(name, Platform+"."), name == Platform && c.kind() == '{':
			return false
		}
	}
	return true
}

// eachFlat calls each member of an extension's object once, without the prefix: "qq.name" wins over "name" in the object
// "qq", and that over the bare one.
func eachFlat(object value, each func(name string, v value)) {
	n := 0
	for c := object.first(); c.ok(); c = object.after(c) {
		n++
	}
	type entry struct {
		v    value
		rank int
	}
	inner := object.get(Platform)
	best := make(map[string]entry, n)
	order := make([]string, 0, n)
	take := func(name string, v value, rank int) {
		old, known := best[name]
		if !known {
			order = append(order, name)
		}
		if !known || rank >= old.rank {
			best[name] = entry{v, rank}
		}
	}
	for c := object.first(); c.ok(); c = object.after(c) {
		name := c.name()
		if bare, found := strings.CutPrefix(name, Platform+"."); found {
			take(bare, c, 2)
		} else if name != Platform || c.kind() != '{' {
			take(name, c, 0)
		}
	}
	if inner.kind() == '{' {
		for c := inner.first(); c.ok(); c = inner.after(c) {
			take(c.name(), c, 1)
		}
	}
	for _, name := range order {
		each(name, best[name].v)
	}
}
