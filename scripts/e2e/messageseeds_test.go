package e2e

import (
	"fmt"
	"slices"
	"testing"

	"github.com/catflap/catflap/appliance/simulator"
)

// receives lets a friend send a message and checks that the app gets the segment, each datum as NapCat sent it.
func receives(t *testing.T, segment simulator.Segment) {
	t.Helper()
	_, n, p := setUp(t, admitted)
	n.Say(simulator.Private(ann), segment)
	f := p.wait(t, "a message with a "+segment.Type, func(f frame) bool {
		return slices.ContainsFunc(segments(f), func(s frame) bool { return s.is("type", segment.Type) })
	})
	for _, s := range segments(f) {
		if !s.is("type", segment.Type) {
			continue
		}
		for key, want := range segment.Data {
			got := s.data()[key]
			if origin, kept := s.data()["catflap_origin_url"]; kept && key == "url" {
				got = origin // its own address is that of the cache
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("data.%s is %v, want %v", key, got, want)
			}
		}
	}
}

func segment(kind string, data map[string]any) simulator.Segment {
	return simulator.Segment{Type: kind, Data: data}
}

func TestSeed_openclaw_receive_text(t *testing.T) { receives(t, simulator.Text("a < b & 猫 😀")) }

func TestSeed_openclaw_receive_at(t *testing.T) { receives(t, simulator.At(bot)) }

func TestSeed_openclaw_receive_reply(t *testing.T) {
	_, n, p := setUp(t, admitted)
	id := n.tell(ann, "the first")
	n.Say(simulator.Private(ann), simulator.Reply(id), simulator.Text("the answer"))
	f := p.text(t, "the answer")
	if s := segments(f); len(s) != 2 || !s[0].is("type", "reply") || !s[0].data().is("id", fmt.Sprint(id)) {
		t.Errorf("received %+v, want a reply to %d first", s, id)
	}
}

func TestSeed_openclaw_receive_image(t *testing.T) {
	receives(t, simulator.Image("0123456789ABCDEF0123456789ABCDEF.png", ""))
}

func TestSeed_openclaw_receive_voice(t *testing.T) { receives(t, simulator.Record("voice.amr")) }

func TestSeed_openclaw_receive_video(t *testing.T) { receives(t, simulator.Video("clip.mp4")) }

func TestSeed_openclaw_receive_file(t *testing.T) {
	receives(t, simulator.File("report.pdf", "/0a1b2c3d", 12345))
}

func TestSeed_openclaw_receive_markdown(t *testing.T) {
	receives(t, segment("markdown", map[string]any{"content": "# Title\n\n**Bold text** and *italic*"}))
}

func TestSeed_openclaw_receive_miniapp(t *testing.T) {
	receives(t, simulator.Card(`{"app":"com.tencent.miniapp_01","view":"view_8C8E89B49BE609866298ADDFF2DBABA4"}`))
}

func TestSeed_openclaw_receive_mface(t *testing.T) {
	receives(t, segment("mface", map[string]any{"emoji_package_id": 12345, "emoji_id": "abc123", "key": "emoji_key", "summary": "表情摘要"}))
}

func TestSeed_openclaw_receive_dice(t *testing.T) {
	receives(t, segment("dice", map[string]any{"result": "6"}))
}

func TestSeed_openclaw_receive_rps(t *testing.T) {
	receives(t, segment("rps", map[string]any{"result": "1"}))
}

func TestSeed_openclaw_receive_json(t *testing.T) { receives(t, simulator.Card(`{"key": "value"}`)) }

func TestSeed_openclaw_receive_xml(t *testing.T) {
	receives(t, segment("xml", map[string]any{"data": "<xml>...</xml>"}))
}

func TestSeed_openclaw_receive_location(t *testing.T) {
	receives(t, segment("location", map[string]any{"lat": "39.9042", "lon": "116.4074", "title": "Beijing", "content": "Capital of China"}))
}

// posts lets the app send a segment to a group and checks that NapCat was handed exactly that one.
func posts(t *testing.T, kind string, data map[string]any) {
	t.Helper()
	_, n, p := setUp(t, admitted)
	p.must(t, "send_group_msg", map[string]any{"group_id": ops, "message": []any{map[string]any{"type": kind, "data": data}}})
	s := n.sends(t, "a "+kind, func(s simulator.Sent) bool {
		return s.Group == ops && len(s.Segments) == 1 && s.Segments[0].Type == kind
	})
	for key, want := range data {
		if got := s.Segments[0].Data[key]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("data.%s is %v, want %v", key, got, want)
		}
	}
}

func TestSeed_openclaw_send_text(t *testing.T) {
	posts(t, "text", map[string]any{"text": "a < b & 猫 😀"})
}

func TestSeed_openclaw_send_reply(t *testing.T) {
	_, n, p := setUp(t, admitted)
	id := n.mention(ops, ann, "a question")
	p.text(t, "a question")
	p.must(t, "send_group_msg", map[string]any{"group_id": ops, "message": []any{
		map[string]any{"type": "reply", "data": map[string]any{"id": fmt.Sprint(id)}},
		map[string]any{"type": "text", "data": map[string]any{"text": "an answer"}},
	}})
	s := n.sends(t, "the answer", func(s simulator.Sent) bool { return s.Text == "an answer" })
	if len(s.Segments) != 2 || s.Segments[0].Type != "reply" || fmt.Sprint(s.Segments[0].Data["id"]) != fmt.Sprint(id) {
		t.Errorf("sent %+v, want a reply to %d first", s.Segments, id)
	}
}

func TestSeed_openclaw_send_group(t *testing.T) {
	_, n, p := setUp(t, admitted)
	p.must(t, "send_group_msg", map[string]any{"group_id": ops, "message": "to a group"})
	n.hears(t, ops, 0, "to a group", 1)
}

func TestSeed_openclaw_send_private(t *testing.T) {
	_, n, p := setUp(t, admitted)
	p.must(t, "send_msg", map[string]any{"message_type": "private", "user_id": ann, "message": "to a user"})
	n.hears(t, 0, ann, "to a user", 1)
}

func TestSeed_openclaw_send_mface(t *testing.T) {
	posts(t, "mface", map[string]any{"emoji_package_id": 12345, "emoji_id": "abc123", "key": "emoji_key", "summary": "表情摘要"})
}

func TestSeed_openclaw_send_json(t *testing.T) {
	posts(t, "json", map[string]any{"data": `{"key": "value"}`, "config": map[string]any{"token": "optional_token"}})
}
