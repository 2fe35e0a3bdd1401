package link

import "time"

// sample is how much of each end of a swallowed frame is kept.
const sample = 4 << 10

// swallowStall is how long a swallowed frame may take for each 64 KiB where silence is allowed otherwise: nobody
// may hold the reader in the middle of a frame for ever.
const swallowStall = 30 * time.Second

// swallow is a frame that is read through and thrown away but for its two ends.
type swallow struct {
	size, seen uint64  // bytes of the payload, and how many of them have come
	key        [4]byte // the masking key; zeros where the peer does not mask
	keyed      int     // bytes of the key that have come
	head, tail []byte
}

// begin takes note of a frame whose header has just been read.
func (s *swallow) begin(size uint64, masked bool) {
	*s = swallow{size: size, keyed: 4}
	if masked {
		s.keyed = 0
	}
	n := int(min(size, sample))
	ends := make([]byte, 2*n)
	s.head, s.tail = ends[:n:n], ends[n:]
}

// take keeps what belongs to the ends and returns how many bytes of p belong to the frame.
func (s *swallow) take(p []byte) int {
	k := copy(s.key[s.keyed:], p)
	s.keyed += k
	n := int(min(s.size-s.seen, uint64(len(p)-k)))
	payload := p[k : k+n]
	if s.seen < uint64(len(s.head)) {
		s.keep(s.head[s.seen:], payload, s.seen)
	}
	// The tail begins at this place of the payload.
	if at := s.size - uint64(len(s.tail)); s.seen >= at {
		s.keep(s.tail[s.seen-at:], payload, s.seen)
	} else if skip := at - s.seen; skip < uint64(n) {
		s.keep(s.tail, payload[skip:], at)
	}
	s.seen += uint64(n)
	return k + n
}

// keep unmasks src, which stands at a place of the payload, into dst as far as it fits.
func (s *swallow) keep(dst, src []byte, at uint64) {
	for i := range min(len(dst), len(src)) {
		dst[i] = src[i] ^ s.key[(at+uint64(i))%4]
	}
}

func (s *swallow) complete() bool { return s.keyed == len(s.key) && s.seen == s.size }

// swallow reads on in a frame that gws does not see, with p as scratch. Whoever keeps sending is alive, but gets no
// longer for it than for a frame that is kept.
func (w *wire) swallow(p []byte) error {
	n, err := w.fetch(p)
	if err != nil {
		return err
	}
	used := w.big.take(p[:n])
	if !w.big.complete() {
		return nil
	}
	w.unread(p[used:n])
	w.swallowing, w.alive = false, true
	if w.timeout == 0 {
		_ = w.Conn.SetReadDeadline(time.Time{})
	}
	big := w.big
	w.big = swallow{}
	w.swallowed(big.head, big.tail, big.size)
	return nil
}

// beginSwallow is called when the header of a frame to be swallowed has been read.
func (w *wire) beginSwallow(size uint64, masked bool) {
	w.big.begin(size, masked)
	w.swallowing = true
	if w.timeout == 0 {
		w.renewed = time.Time{}
		w.renew(time.Now())
	}
}
