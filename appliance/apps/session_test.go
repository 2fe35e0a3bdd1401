package apps

import (
	"encoding/json"
	"testing"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/store"
)

func TestMessageFormat(t *testing.T) {
	const array = `{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","message_id":5,"user_id":20002,` +
		`"message":[{"type":"text","data":{"text":"a&b[c]"}},{"type":"at","data":{"qq":"10001"}}],"raw_message":"a&amp;b&#91;c&#93;[CQ:at,qq=10001]",` +
		`"font":14,"sender":{"user_id":20002,"nickname":"Ann"},"message_format":"array"}`
	const notice = `{"time":1,"self_id":10001,"post_type":"notice","notice_type":"friend_add","user_id":20002}`
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	g := open(t,
		h.app(0, config.App{Name: "new", AccessToken: "tk-1", MessageFormat: "array"}, b),
		h.app(1, config.App{Name: "old", AccessToken: "tk-2", MessageFormat: "string"}, b))
	p, q := come(t, g, "/", "tk-1"), come(t, g, "/", "tk-2")
	p.greeting(botQQ)
	q.greeting(botQQ)
	h.journal.Append(store.Event{For: 3, Class: store.ClassMessage, Raw: []byte(array)})
	h.journal.Append(store.Event{For: 3, Class: store.ClassMessage, Raw: []byte(`{"not":"a message"`)})
	h.journal.Append(store.Event{For: 3, Class: store.ClassNotice, Raw: []byte(notice)})
	p.expect(array)
	var got struct {
		Message any    `json:"message"`
		Format  string `json:"message_format"`
		ID      int64  `json:"message_id"`
		Sender  struct {
			Nickname string `json:"nickname"`
		} `json:"sender"`
	}
	frame := q.next()
	if err := json.Unmarshal([]byte(frame), &got); err != nil {
		t.Fatal(err)
	}
	if got.Message != "a&amp;b&#91;c&#93;[CQ:at,qq=10001]" || got.Format != "string" || got.ID != 5 || got.Sender.Nickname != "Ann" {
		t.Errorf("string form is %s", frame)
	}
	// What cannot be turned goes out as it is; other events are not touched.
	for _, peer := range []*peer{p, q} {
		peer.expect(`{"not":"a message"`)
		peer.expect(notice)
	}
}
