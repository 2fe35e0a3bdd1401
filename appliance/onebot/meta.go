package onebot

import "strconv"

// AppendLifecycle appends a lifecycle event; sub is connect, enable or
// disable. t is unix seconds. A connect must be the first frame of every event
// connection: ZeroBot reads the account from it (frameworks.md rule 2).
func AppendLifecycle(dst []byte, self uint64, t int64, sub string) []byte {
	dst = appendMeta(dst, self, t, "lifecycle")
	return append(appendQuoted(append(dst, `,"sub_type":`...), sub), '}')
}

// AppendHeartbeat appends a heartbeat event. online nil means that nobody
// knows (null, as the standard has it); interval is in milliseconds.
func AppendHeartbeat(dst []byte, self uint64, t int64, online *bool, good bool, interval int64) []byte {
	dst = appendMeta(dst, self, t, "heartbeat")
	dst = append(dst, `,"status":{"online":`...)
	if online == nil {
		dst = append(dst, "null"...)
	} else {
		dst = strconv.AppendBool(dst, *online)
	}
	dst = strconv.AppendBool(append(dst, `,"good":`...), good)
	dst = strconv.AppendInt(append(dst, `},"interval":`...), interval, 10)
	return append(dst, '}')
}

func appendMeta(dst []byte, self uint64, t int64, kind string) []byte {
	dst = strconv.AppendInt(append(dst, `{"time":`...), t, 10)
	dst = strconv.AppendUint(append(dst, `,"self_id":`...), self, 10)
	dst = append(dst, `,"post_type":"meta_event","meta_event_type":"`...)
	return append(append(dst, kind...), '"')
}

// Online reads a status object, the one of a heartbeat (Head.Health) or the
// data of get_status. known is false when it says nothing about online.
func Online(status []byte) (online, good, known bool) {
	i := space(status, 0)
	if i >= len(status) || status[i] != '{' {
		return false, false, false
	}
	m := members(status, i, 1)
	for m.next() {
		v := m.value()
		if v == nil {
			break
		}
		switch m.name() {
		case "online":
			online, known = v[0] == 't', v[0] == 't' || v[0] == 'f'
		case "good":
			good = v[0] == 't'
		}
	}
	if m.end < 0 {
		return false, false, false
	}
	return online, good, known
}
