package media

import (
	"crypto/md5" // QQ's name for a picture, not a protection
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/catflap/catflap/appliance/fence"
	"github.com/catflap/catflap/store"
)

// part is a medium while it arrives: a temporary file, and what is known of it so far. Only its buffer-sized pieces are
// ever in memory.
type part struct {
	c     *Cache
	root  *os.Root // the folder that it lies in, which may be another one by now
	name  string
	file  *os.File
	max   int64
	size  int64
	sum   hash.Hash
	qq    hash.Hash // the MD5 that QQ names pictures by; nil = nobody wants to know
	head  []byte    // the first bytes, to see what it is
	spent int64     // written and not counted against the day yet
}

// spendStep is how many bytes of one medium other fetches do not see in the day's budget.
const spendStep = 1 << 20

// renewTime is how old a file may be before it is dated anew when the same bytes come again. The least maxAge is a minute.
const renewTime = 10 * time.Second

// newPart begins a temporary file that takes at most max bytes. Named: its MD5 will be asked for.
func (c *Cache) newPart(max int64, named bool) (*part, error) {
	name := tempFolder + "/" + tempPrefix + strconv.FormatInt(c.parts.Add(1), 10)
	open := func() (root *os.Root, file *os.File, err error) {
		if root = c.root.Load(); root == nil {
			return nil, nil, errFolder
		}
		file, err = root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		return root, file, err
	}
	root, file, err := open()
	if errors.Is(err, errFolder) || errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrClosed) {
		if err = c.attach(); err == nil {
			root, file, err = open()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("making a temporary file for a medium: %w", err)
	}
	p := &part{c: c, root: root, name: name, file: file, max: max, sum: sha256.New()}
	if named {
		p.qq = md5.New()
	}
	return p, nil
}

// Write takes the next bytes. Above the bound it fails with fence.ErrTooLarge.
func (p *part) Write(b []byte) (int, error) {
	if p.size+int64(len(b)) > p.max {
		return 0, fence.ErrTooLarge
	}
	if p.c.index.Spend(day(p.c.now()), 0)+p.spent+int64(len(b)) > p.c.settings.Load().Daily {
		return 0, errBudget
	}
	n, err := p.file.Write(b)
	p.size += int64(n)
	p.spent += int64(n)
	p.sum.Write(b[:n])
	if p.qq != nil {
		p.qq.Write(b[:n])
	}
	if p.spent >= spendStep {
		p.charge()
	}
	if room := sniffed - len(p.head); room > 0 {
		p.head = append(p.head, b[:min(n, room)]...)
	}
	if err != nil {
		return n, fmt.Errorf("%w: %w", errWrite, err)
	}
	return n, nil
}

// charge counts what was written against the day's budget.
func (p *part) charge() {
	p.c.index.Spend(day(p.c.now()), p.spent)
	p.spent = 0
}

// reset empties the part for another road.
func (p *part) reset() error {
	p.charge() // it was written, if in vain
	if p.size == 0 {
		return nil
	}
	p.size, p.head = 0, p.head[:0]
	p.sum.Reset()
	if p.qq != nil {
		p.qq.Reset()
	}
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("emptying a temporary file: %w", err)
	}
	if err := p.file.Truncate(0); err != nil {
		return fmt.Errorf("emptying a temporary file: %w", err)
	}
	return nil
}

// md5 is the sum of what was written, as QQ spells it in lower case.
func (p *part) md5() string { return hex.EncodeToString(p.qq.Sum(nil)) }

// discard removes the temporary file, if publish did not make a file of the cache of it.
func (p *part) discard() {
	p.charge()
	if p.file != nil {
		_ = p.file.Close()
		p.file = nil
		_ = p.root.Remove(p.name)
	}
}

// publish makes a file of the cache out of a whole part, durably: what the index names is on the disk. The file is pinned
// until the caller calls unpin.
func (c *Cache) publish(p *part) (sum store.MediaSum, size int64, err error) {
	if p.size == 0 {
		return sum, 0, fmt.Errorf("%w: it has no bytes", ErrGone)
	}
	p.charge()
	sum = store.MediaSum(p.sum.Sum(nil))
	c.pin(sum)
	defer func() {
		if err != nil {
			c.unpin(sum)
		}
	}()
	if blob, ok, err := c.index.Blob(sum); err != nil {
		return sum, 0, fmt.Errorf("%w: %w", errIndex, err)
	} else if ok && c.intact(blob) {
		c.index.Touch(sum)
		if now := c.now(); now.Sub(time.Unix(blob.At, 0)).Abs() >= renewTime {
			blob.At, blob.Used = now.Unix(), now.Unix() // it arrived again: its age begins anew
			if err := c.index.PutBlob(blob); err != nil {
				return sum, 0, errIndex
			}
		}
		return sum, blob.Size, nil // discard removes the second copy
	}
	if err := p.file.Sync(); err != nil {
		return sum, 0, fmt.Errorf("writing a medium to the disk: %w", err)
	}
	c.room.Lock()
	defer c.room.Unlock()
	if err := c.makeRoom(p.size); err != nil {
		return sum, 0, err
	}
	name := fileName(sum)
	if err := p.root.Mkdir(name[:2], 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return sum, 0, fmt.Errorf("adding a medium: %w", err)
	}
	file := p.file
	p.file = nil
	_ = file.Close()
	if err := p.root.Rename(p.name, name); err != nil {
		_ = p.root.Remove(p.name)
		return sum, 0, fmt.Errorf("adding a medium: %w", err)
	}
	blob := store.Blob{Sum: sum, Size: p.size, Type: sniff(p.head), At: c.now().Unix()}
	if err := c.write(func() error { return c.index.PutBlob(blob) }); err != nil {
		_ = p.root.Remove(name)
		return sum, 0, errIndex
	}
	return sum, p.size, nil
}
