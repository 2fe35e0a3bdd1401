package media

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/catflap/catflap/store"
)

const (
	tempFolder = "tmp"
	tempPrefix = "part-"
)

// openFolder opens the cache's folder. One that it makes is its owner's alone; one that is there keeps its mode, which may be
// that of a whole disk, and what is put into it is the owner's alone all the same. All work in it goes through the root: a
// link that somebody puts into it leads nowhere outside.
func openFolder(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the media cache (media.dir): %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the folder of the media cache (media.dir): %w", err)
	}
	if err := root.Mkdir(tempFolder, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		_ = root.Close()
		return nil, fmt.Errorf("making a folder in the media cache: %w", err)
	}
	return root, nil
}

// fileName is where a file lies: aa/sum.
func fileName(sum store.MediaSum) string {
	text := hex.EncodeToString(sum[:])
	return text[:2] + "/" + text
}

// sumOf reads a file's name inside its folder.
func sumOf(folder, name string) (sum store.MediaSum, ok bool) {
	if len(name) != 2*len(sum) || !strings.HasPrefix(name, folder) || strings.ToLower(name) != name {
		return sum, false
	}
	_, err := hex.Decode(sum[:], []byte(name))
	return sum, err == nil
}

// attach opens the cache's folder: at the start, when it has vanished under the cache, and again while it cannot be used. It
// logs what changes, once.
func (c *Cache) attach() error {
	c.room.Lock()
	defer c.room.Unlock()
	if c.ctx.Err() != nil {
		return errClosed
	}
	old := c.root.Load()
	if old != nil && c.stands(old) {
		return nil
	}
	root, err := openFolder(c.dir)
	if err == nil {
		c.root.Store(root)
		if old == nil {
			err = c.reconcile()
		} else {
			err = c.forgetMissing()
		}
	}
	if err != nil {
		c.root.Store(nil)
		if root != nil {
			_ = root.Close()
		}
	}
	if old != nil {
		_ = old.Close()
	}
	c.mu.Lock()
	before := c.trouble
	c.trouble = err
	c.mu.Unlock()
	switch {
	case err != nil && before == nil:
		c.log.Error("the folder of the media cache cannot be used, so media keep QQ's own addresses: look at media.dir", "dir", c.dir, "err", err)
	case err == nil && before != nil:
		c.log.Info("the folder of the media cache can be used again", "dir", c.dir)
	case err == nil && old != nil:
		c.log.Warn("the folder of the media cache was removed; it was made again, and media are fetched anew", "dir", c.dir)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errFolder, err)
	}
	return nil
}

// stands reports whether a root is still what lies at its path, with a folder for temporary files.
func (c *Cache) stands(root *os.Root) bool {
	here, err := root.Stat(".")
	if err != nil {
		return false
	}
	there, err := os.Stat(c.dir)
	if err != nil || !os.SameFile(here, there) {
		return false
	}
	err = root.Mkdir(tempFolder, 0o700)
	return err == nil || errors.Is(err, os.ErrExist)
}

// forgetMissing takes files out of the index that are not in the folder.
func (c *Cache) forgetMissing() error {
	for first := range 256 {
		blobs, err := c.index.Blobs(byte(first))
		if err != nil {
			return err
		}
		for _, b := range blobs {
			if !c.intact(b) {
				c.index.Forget(b.Sum)
				c.count.dangling.Add(1)
			}
		}
	}
	return nil
}

// reconcile makes folder and index agree: temporary files go, files that no row knows go, rows without their file lose
// it. It touches nothing that does not look like the cache's own: media.dir may name a folder with other things in it.
func (c *Cache) reconcile() error {
	left, err := c.list(tempFolder)
	if err != nil {
		return err
	}
	for _, e := range left {
		if strings.HasPrefix(e.Name(), tempPrefix) && e.Type().IsRegular() {
			if err := c.root.Load().Remove(tempFolder + "/" + e.Name()); err != nil {
				c.log.Warn("what is left of a fetch cannot be removed", "file", tempFolder+"/"+e.Name(), "err", err)
			}
		}
	}
	for first := range 256 {
		if err := c.reconcileFolder(byte(first)); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cache) reconcileFolder(first byte) error {
	folder := hex.EncodeToString([]byte{first})
	files, err := c.list(folder)
	if err != nil {
		return err
	}
	blobs, err := c.index.Blobs(first)
	if err != nil {
		return err
	}
	known := make(map[store.MediaSum]int64, len(blobs))
	for _, b := range blobs {
		known[b.Sum] = b.Size
	}
	for _, e := range files {
		sum, ours := sumOf(folder, e.Name())
		if !ours {
			continue
		}
		if size, ok := known[sum]; ok {
			if info, err := c.root.Load().Lstat(folder + "/" + e.Name()); err == nil && info.Mode().IsRegular() && info.Size() == size {
				delete(known, sum)
				continue
			}
		}
		if err := c.root.Load().RemoveAll(folder + "/" + e.Name()); err != nil {
			c.log.Warn("a file that the media index does not know cannot be removed", "file", folder+"/"+e.Name(), "err", err)
			continue
		}
		c.count.orphans.Add(1)
	}
	for sum := range known {
		c.index.Forget(sum)
		c.count.dangling.Add(1)
	}
	return nil
}

// list reads a folder; one that is missing is empty.
func (c *Cache) list(folder string) ([]fs.DirEntry, error) {
	dir, err := c.root.Load().Open(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the media cache: %w", err)
	}
	defer dir.Close()
	list, err := dir.ReadDir(-1)
	if err != nil {
		return nil, fmt.Errorf("reading the media cache: %w", err)
	}
	return list, nil
}

// intact reports whether a file is there as the index has it.
func (c *Cache) intact(b store.Blob) bool {
	root := c.root.Load()
	if root == nil {
		return false
	}
	info, err := root.Lstat(fileName(b.Sum))
	return err == nil && info.Mode().IsRegular() && info.Size() == b.Size
}
