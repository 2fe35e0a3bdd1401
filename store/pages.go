package store

import (
	"encoding/binary"
	"fmt"
	"io"

	"go.etcd.io/bbolt"
)

// bbolt believes its list of free pages. One that names a page which is in use (a card that lost its last write brings
// back an old list) does no harm at first: the next commits write over tables, and the damage shows much later, as wrong
// data. So the list is held against the pages that the tables use. Pages are read with a bounded ReadAt, never through
// bbolt, which trusts every number in them.

// Layout of a page: id 8, flags 2, count 2, overflow 4 (pages that follow and belong to it), then its elements. Numbers are
// in the byte order of the machine. A meta page holds the page number of the root at 32, that of the list of free pages at
// 48, the number of pages in use at 56 and the transaction at 64.
const (
	pageHeader   = 16
	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10
	elementSize  = 16 // of branch and leaf pages
	bucketEntry  = 0x01
	manyFree     = 0xffff // as count: the true one stands before the list
	// inspectPages is how many inner pages of journal.db a start reads: they list the places of some 40,000 pages.
	inspectPages = 256
)

// pages is a walk over the pages of one file.
type pages struct {
	path       string
	in         io.ReaderAt
	size       int    // of a page, in bytes
	high       uint64 // pages from this one on are not in use
	free, used bitmap
	whole      bool // read leaf pages too
	left       int  // inner pages that may still be read, unless whole
}

// bitmap is a set of page numbers.
type bitmap []uint64

func (b bitmap) has(id uint64) bool { return b[id/64]>>(id%64)&1 != 0 }
func (b bitmap) add(id uint64)      { b[id/64] |= 1 << (id % 64) }

// inspect checks the list of free pages: its numbers, and that no page which it names is in use, nor any page used twice.
// With whole set it looks at every page, else at some inner ones, however large the file is.
func inspect(path string, in io.ReaderAt, tx *bbolt.Tx, size int, whole bool) error {
	high := uint64(tx.Size()) / uint64(size)
	p := &pages{
		path: path, in: in, size: size, high: high, free: make(bitmap, high/64+1), used: make(bitmap, high/64+1),
		whole: whole, left: inspectPages,
	}
	root, freelist, err := p.meta(uint64(tx.ID()))
	if err != nil {
		return err
	}
	if err := p.readFree(freelist); err != nil {
		return err
	}
	if err := p.claim(root, "the root"); err != nil {
		return err
	}
	tables, err := p.walk(root)
	if err != nil {
		return err
	}
	for _, table := range tables {
		if err := p.claim(table, "a table"); err != nil {
			return err
		}
		if _, err := p.walk(table); err != nil {
			return err
		}
	}
	return nil
}

// meta returns the root page and the first page of the free list, as the meta page of a transaction says.
func (p *pages) meta(txid uint64) (root, freelist uint64, err error) {
	for i := range int64(2) {
		b := make([]byte, 80)
		if _, err := p.in.ReadAt(b, i*int64(p.size)); err != nil {
			return 0, 0, fmt.Errorf("reading %s: %w", p.path, err)
		}
		if binary.NativeEndian.Uint64(b[64:]) == txid {
			return binary.NativeEndian.Uint64(b[32:]), binary.NativeEndian.Uint64(b[48:]), nil
		}
	}
	return 0, 0, damaged(p.path, "its two heads changed while they were read")
}

// page is the first page of a run.
type page struct {
	id    uint64
	body  []byte
	flags uint16
	count int
	span  uint64 // pages of the run
}

// read returns a page after a look at its header. What overflows from it is not read: a damaged length must not cost memory.
func (p *pages) read(id uint64) (page, error) {
	if id < 2 || id >= p.high {
		return page{}, damaged(p.path, fmt.Sprintf("page %d is out of range", id))
	}
	b := make([]byte, p.size)
	if err := p.readAt(b, id, 0); err != nil {
		return page{}, err
	}
	span := uint64(binary.NativeEndian.Uint32(b[12:])) + 1
	if binary.NativeEndian.Uint64(b) != id || span > p.high-id {
		return page{}, damaged(p.path, fmt.Sprintf("page %d has the head of another", id))
	}
	return page{id, b, binary.NativeEndian.Uint16(b[8:]), int(binary.NativeEndian.Uint16(b[10:])), span}, nil
}

// readAt reads from a place in a page on.
func (p *pages) readAt(b []byte, id, from uint64) error {
	if _, err := p.in.ReadAt(b, int64(id)*int64(p.size)+int64(from)); err != nil {
		return fmt.Errorf("reading %s: %w", p.path, err)
	}
	return nil
}

// claim notes that a page is in use, and refuses one that is free or was claimed before.
func (p *pages) claim(id uint64, what string) error {
	switch {
	case id < 2 || id >= p.high:
		return damaged(p.path, fmt.Sprintf("page %d of %s is out of range", id, what))
	case p.free.has(id):
		return damaged(p.path, fmt.Sprintf("page %d of %s is also in the list of free pages", id, what))
	case p.used.has(id):
		return damaged(p.path, fmt.Sprintf("page %d of %s is in use twice", id, what))
	}
	p.used.add(id)
	return nil
}

// claimRest claims what overflows from a page.
func (p *pages) claimRest(g page, what string) error {
	for rest := g.id + 1; rest < g.id+g.span; rest++ {
		if err := p.claim(rest, what); err != nil {
			return err
		}
	}
	return nil
}

// readFree reads the list of free pages.
func (p *pages) readFree(id uint64) error {
	const what = "the list of free pages"
	g, err := p.read(id)
	if err != nil {
		return err
	}
	if g.flags != freelistPage {
		return damaged(p.path, what+" is not one")
	}
	from, count := uint64(pageHeader), uint64(g.count)
	if count == manyFree {
		count = binary.NativeEndian.Uint64(g.body[from:])
		from += 8
	}
	if count > p.high || from+8*count > g.span*uint64(p.size) {
		return damaged(p.path, what+" is longer than its pages")
	}
	list := make([]byte, 8*count)
	if err := p.readAt(list, id, from); err != nil {
		return err
	}
	last := uint64(1) // the first two pages are never free
	for ; len(list) > 0; list = list[8:] {
		free := binary.NativeEndian.Uint64(list)
		if free <= last || free >= p.high {
			return damaged(p.path, fmt.Sprintf("%s has the number %d after %d, and the file %d pages", what, free, last, p.high))
		}
		p.free.add(free)
		last = free
	}
	if err := p.claim(id, what); err != nil {
		return err
	}
	return p.claimRest(g, what)
}

// walk goes down one table from its root page, which is claimed, and returns the root pages of the tables inside it. All
// leaves lie on the same level, so one of them tells what its neighbours are.
func (p *pages) walk(root uint64) (tables []uint64, err error) {
	const what = "a table"
	for level := []uint64{root}; len(level) > 0; {
		var below []uint64
		for _, id := range level {
			if !p.whole && p.left == 0 {
				return tables, nil
			}
			p.left--
			g, err := p.read(id)
			if err != nil {
				return nil, err
			}
			if err := p.claimRest(g, what); err != nil {
				return nil, err
			}
			if (g.flags != branchPage && g.flags != leafPage) || pageHeader+g.count*elementSize > len(g.body) {
				return nil, damaged(p.path, fmt.Sprintf("page %d is no page of a table", id))
			}
			if g.flags == leafPage {
				inside, err := p.tablesIn(g)
				if err != nil {
					return nil, err
				}
				tables = append(tables, inside...)
				if !p.whole {
					break
				}
				continue
			}
			for i := range g.count {
				child := binary.NativeEndian.Uint64(g.body[pageHeader+i*elementSize+8:])
				if err := p.claim(child, what); err != nil {
					return nil, err
				}
				below = append(below, child)
			}
		}
		level = below
	}
	return tables, nil
}

// tablesIn returns the root pages of the tables in a leaf page, whose rows must not reach over its end. A row is flags 4,
// distance of the key 4, length of the key 4, length of the value 4; the value of a table begins with its root page, which
// is 0 for a small one that lies in the row itself.
func (p *pages) tablesIn(g page) (tables []uint64, err error) {
	for i := range g.count {
		at := pageHeader + i*elementSize
		word := func(n int) uint64 { return uint64(binary.NativeEndian.Uint32(g.body[at+4*n:])) }
		value := uint64(at) + word(1) + word(2)
		isTable := word(0)&bucketEntry != 0
		if value+word(3) > g.span*uint64(p.size) || isTable && word(3) < 16 {
			return nil, damaged(p.path, fmt.Sprintf("page %d has a row out of range", g.id))
		}
		if !isTable {
			continue
		}
		var root [8]byte
		if err := p.readAt(root[:], g.id, value); err != nil {
			return nil, err
		}
		if id := binary.NativeEndian.Uint64(root[:]); id != 0 {
			tables = append(tables, id)
		}
	}
	return tables, nil
}
