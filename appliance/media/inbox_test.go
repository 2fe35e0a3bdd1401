package media

import (
	"fmt"
	"strings"
	"testing"
)

// A burst of messages keeps its addresses of catflap's, while what waits in memory is bounded.
func TestFault_T08_BurstOfOffers(t *testing.T) {
	b := newBox(t, "", func(o *Options) { o.Settings.Eager = 0 })
	address := func(n int) Offered {
		return Offered{Type: "image", URL: fmt.Sprintf("http://qq.com/?fileid=%d&rkey=%s", n, strings.Repeat("r", 300))}
	}
	b.mu.Lock() // nothing is looked at
	for n := range maxOffers {
		if _, note, ok := b.Offer(address(n)); !ok {
			t.Errorf("offer %d: %s", n, note)
			break
		}
	}
	for n := range maxOffers {
		o := address(n)
		o.URL += strings.Repeat("r", maxField-len(o.URL))
		if _, note, ok := b.Offer(o); !ok && note != noteBusy {
			t.Errorf("offer %d: %s", n, note)
		}
	}
	b.offers.mu.Lock()
	waiting, bytes := len(b.offers.list), b.offers.bytes
	b.offers.mu.Unlock()
	b.mu.Unlock()
	if waiting > maxOffers || bytes > offerBytes || b.Stats().Failures["busy"] < 1000 {
		t.Errorf("%d wait with %d bytes, %v", waiting, bytes, said(b))
	}
	b.settleDown()
	if err := b.index.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := b.Stats(); s.Keys < int64(waiting) || s.Failures["index"] != 0 {
		t.Errorf("%d addresses are known of %d, %v", s.Keys, waiting, said(b))
	}
	b.offers.mu.Lock()
	defer b.offers.mu.Unlock()
	if b.offers.bytes != 0 || b.offers.list != nil {
		t.Errorf("%d bytes are left", b.offers.bytes)
	}
}
