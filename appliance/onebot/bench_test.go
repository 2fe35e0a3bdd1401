package onebot

import (
	"encoding/json"
	"testing"
)

// groupMessage is a NapCat group message of about 600 bytes.
var groupMessage = []byte(`{"self_id":10001,"user_id":20002,"time":1767225600,"message_id":1840021873,"message_seq":1840021873,"real_id":1840021873,"real_seq":"5012","message_type":"group","sender":{"user_id":20002,"nickname":"Ann","card":"ann@ops","role":"admin"},"raw_message":"[CQ:at,qq=10001] please look at the log of last night, 猫门 said the door was open","font":14,"sub_type":"normal","message":[{"type":"at","data":{"qq":"10001"}},{"type":"text","data":{"text":" please look at the log of last night, 猫门 said the door was open"}}],"message_format":"array","post_type":"message","group_id":30003,"group_name":"Ops"}`)

func BenchmarkPeekHead(b *testing.B) {
	var h Head
	b.SetBytes(int64(len(groupMessage)))
	b.ReportAllocs()
	for b.Loop() {
		if err := PeekHead(groupMessage, &h); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJSONValid(b *testing.B) {
	b.SetBytes(int64(len(groupMessage)))
	for b.Loop() {
		if !json.Valid(groupMessage) {
			b.Fatal("invalid")
		}
	}
}

func BenchmarkScanMentions(b *testing.B) {
	var h Head
	if err := PeekHead(groupMessage, &h); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if m := ScanMentions(h.Message, 10001); !m.AtSelf {
			b.Fatal(m)
		}
	}
}

func BenchmarkPeekAction(b *testing.B) {
	frame := []byte(`{"action":"send_group_msg","params":{"group_id":"30003","message":[{"type":"text","data":{"text":"hi"}}]},"echo":"c1-42"}`)
	var a Action
	b.ReportAllocs()
	for b.Loop() {
		if err := PeekAction(frame, &a); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRestoreEcho(b *testing.B) {
	frame := []byte(`{"status":"ok","retcode":0,"data":{"message_id":1234567},"message":"","wording":"","echo":"c1-42","stream":"normal-action"}`)
	var h Head
	if err := PeekHead(frame, &h); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		RestoreEcho(frame, &h, []byte(`{"seq":1}`))
	}
}
