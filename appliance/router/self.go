package router

import (
	"encoding/json"

	"github.com/catflap/catflap/appliance/onebot"
)

// ownList is the one action that NapCat does not have and catflap answers.
const ownList = "get_supported_actions"

// maxVersion bounds what is remembered of NapCat's get_version_info.
const maxVersion = 4 << 10

// answerSelf answers the questions about the implementation itself that catflap knows better than NapCat, or knows while
// NapCat is away. Everything else goes to NapCat, whose answer is the truth: it is NapCat that sends.
//
//   - get_status while NapCat is away or does not answer: not online, not good, as the heartbeats say
//   - get_version_info while it is away: what it said last
//   - can_send_image and can_send_record of an app that may not send at all: no
//   - get_supported_actions, which NapCat does not have: what NapCat knows and the app may call
func (l *Lane) answerSelf(app *appPlan, base string, reply func([]byte), echo []byte) bool {
	var data []byte
	switch base {
	case "get_status":
		if st := l.State(); !st.Linked || st.HalfDead {
			data = []byte(`{"online":false,"good":false,"stat":{}}`)
		}
	case "get_version_info":
		if said := l.version.Load(); said != nil && !l.State().Linked {
			data = *said
		}
	case "can_send_image", "can_send_record":
		if !app.maySend() {
			data = []byte(`{"yes":false}`)
		}
	case ownList:
		data = app.supported()
	}
	if data == nil {
		return false
	}
	reply(onebot.AppendOK(nil, echo, data))
	return true
}

// noteSelf remembers what NapCat says of itself.
func (l *Lane) noteSelf(base string, h *onebot.Head) {
	if base == "get_version_info" && h.Retcode == 0 && len(h.Data) > 0 && len(h.Data) <= maxVersion {
		said := append([]byte(nil), h.Data...)
		l.version.Store(&said)
	}
}

// maySend reports whether the app may send any message.
func (a *appPlan) maySend() bool {
	for _, name := range []string{sendAny, sendGroup, sendPrivate} {
		if a.firewall.Decide(name).Allowed {
			return true
		}
	}
	return false
}

// supported is the raw list of the actions that the app may call, as far as the catalogue knows them.
func (a *appPlan) supported() []byte {
	names := []string{}
	for _, name := range onebot.Names() {
		info, _ := onebot.Lookup(name)
		if (info.InNapCat || name == ownList) && a.firewall.Decide(name).Allowed {
			names = append(names, name)
		}
	}
	data, err := json.Marshal(names)
	if err != nil {
		return nil
	}
	return data
}
