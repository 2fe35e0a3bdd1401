package router

import (
	"sync/atomic"

	"github.com/catflap/catflap/appliance/apps"
	"github.com/catflap/catflap/appliance/onebot"
)

// unawaited makes an action whose name has the suffix _async or _rate_limited one whose outcome is not waited for, as the
// standard has it; NapCat itself would answer in full (napcat-onebot11.md, 3.5). The caller is told of a refusal that is
// known at once, else that the action is on its way: call settle when it has been sent. A name that nobody knows is left alone, so that its caller hears so.
func unawaited(in *apps.Action, name string, echo []byte) (settle func()) {
	base, suffix := onebot.Normalise(name)
	if suffix == "" {
		return func() {}
	}
	if info, ok := onebot.Lookup(base); !ok || !info.InNapCat && base != ownList {
		return func() {}
	}
	reply := in.Reply
	var told atomic.Bool
	in.Reply = func(frame []byte) {
		var h onebot.Head
		if err := onebot.PeekHead(frame, &h); err == nil && h.Retcode != 0 && !told.Swap(true) {
			reply(frame)
		}
	}
	return func() {
		if !told.Swap(true) {
			reply(onebot.AppendAsync(nil, echo))
		}
	}
}
