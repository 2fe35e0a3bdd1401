package media

import "slices"

// place is what a flight takes while it runs.
type place uint8

const (
	placeNone  place = iota
	placeQuick       // a worker
	placeLate        // the same, though it has had its time
	placeSlow        // none: one of slowPlaces
	placeAsk         // one of askWorkers
)

// hurry puts a flight before those for which nobody waits. The caller holds the lock.
func (c *Cache) hurry(f *flight) {
	if i := slices.Index(c.eager, f); i >= 0 {
		c.eager = slices.Delete(c.eager, i, i+1)
		f.limit = 0
		c.urgent = append(c.urgent, f)
	} else if slices.Contains(c.asking, f) {
		f.limit = 0
	}
}

// dispatch gives waiting flights to workers, as far as there may be more of those. The caller holds the lock.
func (c *Cache) dispatch() {
	for !c.closed {
		var f *flight
		switch {
		case len(c.urgent) > 0 && c.running < eagerWorkers+readerWorkers:
			f, c.urgent = c.urgent[0], c.urgent[1:]
		case len(c.eager) > 0 && c.running < eagerWorkers:
			f, c.eager = c.eager[0], c.eager[1:]
		default:
			if f = c.nextAsker(); f == nil {
				return
			}
			f.place = placeAsk
			c.askers[f.origin.Account]++
			c.tasks.Go(func() { c.fly(f) })
			continue
		}
		f.started, f.place = true, placeQuick
		c.running++
		c.tasks.Go(func() { c.fly(f) })
	}
}

// nextAsker takes the flight whose turn it is to ask NapCat, those first that somebody waits for; nil = none. One account
// does not get all workers: its NapCat may be silent. The caller holds the lock.
func (c *Cache) nextAsker() *flight {
	all := 0
	for _, n := range c.askers {
		all += n
	}
	if all >= askWorkers {
		return nil
	}
	next := -1
	for i, f := range c.asking {
		if c.askers[f.origin.Account] < askPerAccount && (next < 0 || f.limit == 0) {
			if next = i; f.limit == 0 {
				break
			}
		}
	}
	if next < 0 {
		return nil
	}
	f := c.asking[next]
	c.asking = slices.Delete(c.asking, next, next+1)
	return f
}

// aside takes a worker from a flight that has lasted too long for it.
func (c *Cache) aside(f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.place != placeQuick {
		return
	}
	if c.slow >= slowPlaces {
		f.place = placeLate
		c.late = append(c.late, f)
		return
	}
	f.place = placeSlow
	c.slow++
	c.running--
	c.dispatch()
}

// leave takes a flight's place from it. The caller holds the lock.
func (c *Cache) leave(f *flight) {
	switch f.place {
	case placeQuick:
		c.running--
	case placeLate:
		c.running--
		c.late = slices.DeleteFunc(c.late, func(other *flight) bool { return other == f })
	case placeSlow:
		if c.slow--; len(c.late) > 0 {
			c.late[0].place = placeSlow
			c.late = slices.Delete(c.late, 0, 1)
			c.slow++
			c.running--
		}
	case placeAsk:
		if c.askers[f.origin.Account]--; c.askers[f.origin.Account] <= 0 {
			delete(c.askers, f.origin.Account)
		}
	}
	f.place = placeNone
}

// dropTrip gives up what a flight brought so far.
func (c *Cache) dropTrip(f *flight) {
	if f.trip != nil && f.trip.spare != nil {
		f.trip.spare.discard()
		c.spares.Add(-1)
	}
	f.trip = nil
}
