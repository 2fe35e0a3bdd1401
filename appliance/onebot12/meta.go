package onebot12

import (
	"strconv"
	"time"
)

// AppendConnect appends the meta event connect, the first frame of every WebSocket. The id is any unique text.
func AppendConnect(dst []byte, id string, now time.Time, version string) []byte {
	dst = key(appendMeta(dst, id, now, "connect"), "version")
	return append(AppendVersion(dst, version), '}')
}

// AppendStatusUpdate appends the meta event status_update; the first on a link names all its bots.
func AppendStatusUpdate(dst []byte, id string, now time.Time, good bool, bots []Bot) []byte {
	dst = key(appendMeta(dst, id, now, "status_update"), "status")
	return append(AppendStatus(dst, good, bots, "", ""), '}')
}

// AppendHeartbeat appends the meta event heartbeat; interval is the time until the next one.
func AppendHeartbeat(dst []byte, id string, now time.Time, interval time.Duration) []byte {
	dst = appendMeta(dst, id, now, "heartbeat")
	return append(number(dst, "interval", interval.Milliseconds()), '}')
}

func appendMeta(dst []byte, id string, now time.Time, detail string) []byte {
	dst = quoted(append(dst, '{'), "id", id)
	dst = float(key(dst, "time"), float64(now.UnixMilli())/1000)
	dst = word(dst, "type", "meta")
	dst = word(dst, "detail_type", detail)
	return word(dst, "sub_type", "")
}

// AppendVersion appends the data of get_version.
func AppendVersion(dst []byte, version string) []byte {
	dst = word(append(dst, '{'), "impl", Impl)
	dst = quoted(dst, "version", version)
	return append(word(dst, "onebot_version", "12"), '}')
}

// AppendStatus appends the data of get_status. upstreamName and upstreamVersion are NapCat's app_name and app_version, ""
// if not known.
func AppendStatus(dst []byte, good bool, bots []Bot, upstreamName, upstreamVersion string) []byte {
	dst = strconv.AppendBool(key(append(dst, '{'), "good"), good)
	dst = append(key(dst, "bots"), '[')
	for _, b := range bots {
		dst = selfMember(append(comma(dst), '{'), b.Self)
		dst = append(strconv.AppendBool(key(dst, "online"), b.Online), '}')
	}
	dst = append(dst, ']')
	if upstreamName != "" || upstreamVersion != "" {
		dst = append(key(dst, "qq.upstream"), '{')
		dst = quoted(dst, "app_name", upstreamName)
		dst = append(quoted(dst, "app_version", upstreamVersion), '}')
	}
	return append(dst, '}')
}
