package onebot

import "testing"

func TestFault_T02_RestoreEchoReturnsTheCallersBytes(t *testing.T) {
	ours := `{"status":"ok","retcode":0,"data":{"echo":"inner"},"echo" : "c1-42" ,"stream":"normal-action"}`
	for _, echo := range []string{`"x"`, `1`, `1.50`, `{"seq": 1}`, `null`, `""`, `[1,"2"]`, `"\u0041"`} {
		h := peekOf(t, ours)
		got := string(RestoreEcho([]byte(ours), &h, []byte(echo)))
		want := `{"status":"ok","retcode":0,"data":{"echo":"inner"},"echo" : ` + echo + ` ,"stream":"normal-action"}`
		if got != want {
			t.Errorf("echo %s:\n got %s\nwant %s", echo, got, want)
		}
	}
}

func TestRestoreEcho(t *testing.T) {
	for _, c := range []struct{ name, in, echo, want string }{
		{"removed", `{"status":"ok","echo":"c1"}`, ``, `{"status":"ok","data":null}`},
		{"removed first", `{"echo":"c1","status":"ok"}`, ``, `{"status":"ok","data":null}`},
		{"removed alone", `{"echo":"c1"}`, ``, `{}`},
		{"removed, spaced", `{ "echo" : 1 , "a":2 }`, ``, `{ "a":2 }`},
		{"removed under an escaped key", `{"a":1,"\u0065cho":"c1","b":2}`, ``, `{"a":1,"b":2}`},
		{"added", `{"status":"ok"}`, `1`, `{"status":"ok","data":null,"echo":1}`},
		{"added to nothing", `{}`, `1`, `{"echo":1}`},
		{"neither", `{"status":"ok"}`, ``, `{"status":"ok","data":null}`},
		{"twice", `{"echo":1,"status":"ok","echo":2}`, `{"seq":1}`, `{"status":"ok","echo":{"seq":1},"data":null}`},
		{"twice, removed", `{"echo":1,"echo":2,"status":"ok","echo":3}`, ``, `{"status":"ok","data":null}`},
		{"data is null already", `{"status":"ok","data":null,"echo":"c1"}`, `2`, `{"status":"ok","data":null,"echo":2}`},
		{"no data", `{"status":"ok","retcode":0,"message":"","echo":"c1","stream":"normal-action"}`, `{"seq":1}`, `{"status":"ok","retcode":0,"message":"","echo":{"seq":1},"stream":"normal-action","data":null}`},
	} {
		h := peekOf(t, c.in)
		var echo []byte
		if c.echo != "" {
			echo = []byte(c.echo)
		}
		if got := string(RestoreEcho([]byte(c.in), &h, echo)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}
