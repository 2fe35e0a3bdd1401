package gate

import (
	"fmt"
	"testing"
	"time"
)

func TestDelaysGrowPerAddress(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	d := Delays{Now: func() time.Time { return now }}
	var last time.Duration
	for i := range 12 {
		got := d.Failed("192.0.2.7:1234")
		if got < last || got > maxDelay {
			t.Fatalf("failure %d: delay %v after %v", i+1, got, last)
		}
		last = got
	}
	if last != maxDelay {
		t.Errorf("after 12 failures the delay is %v, want %v", last, maxDelay)
	}
	if got := d.Failed("192.0.2.8:1234"); got != firstDelay {
		t.Errorf("another address waits %v, want %v", got, firstDelay)
	}
	d.Succeeded("192.0.2.7:99")
	if got := d.Failed("192.0.2.7:1234"); got != firstDelay {
		t.Errorf("after a right token the delay is %v, want %v", got, firstDelay)
	}
	now = now.Add(forgetAfter + time.Second)
	d.Failed("192.0.2.8:1234")
	if got := d.Failed("192.0.2.8:1"); got != 2*firstDelay {
		t.Errorf("old failures were not forgotten: %v", got)
	}
}

func TestDelaysNeverLockLoopbackOut(t *testing.T) {
	var d Delays
	for _, remote := range []string{"127.0.0.1:5", "[::1]:5", "[::ffff:127.0.0.1]:5"} {
		for range 50 {
			if got := d.Failed(remote); got != 0 {
				t.Fatalf("%s waits %v", remote, got)
			}
		}
	}
}

func TestDelaysAreBounded(t *testing.T) {
	var d Delays
	for i := range 3 * maxAddresses {
		d.Failed(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255))
	}
	if len(d.seen) > maxAddresses {
		t.Errorf("%d addresses are remembered, the bound is %d", len(d.seen), maxAddresses)
	}
}
