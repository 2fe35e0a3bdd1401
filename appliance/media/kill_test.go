package media

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/fence"
	"github.com/catflap/catflap/store"
)

// victimDir is the environment variable that makes a process of the test binary the victim.
const victimDir = "CATFLAP_TEST_MEDIA_VICTIM"

// victim fetches, adds, reads and evicts without end. It says when it has begun and dies without warning.
func victim(dir string) {
	st, err := store.Open(dir, store.Options{Sync: 5 * time.Millisecond})
	if err != nil {
		panic(err)
	}
	c, err := Open(Options{
		Dir: filepath.Join(dir, "media"), Store: st,
		Settings: Settings{Total: 512 << 10, MaxAge: time.Hour, Eager: 1 << 20, Daily: 1 << 40, Item: 1 << 20},
		Fetch: func(_ context.Context, address string, _ int64, w io.Writer) (fence.Fetched, error) {
			var n int
			fmt.Sscanf(query(address, "fileid"), "%d", &n)
			for body := picture(n, 1000+n%40_000); len(body) > 0; {
				size := min(len(body), 4096)
				if _, err := w.Write(body[:size]); err != nil {
					return fence.Fetched{}, err
				}
				body = body[size:]
			}
			return fence.Fetched{}, nil
		},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println("begun")
	for {
		n := rand.IntN(200)
		key, _, _ := c.Offer(Offered{Account: "bot", Type: "image", URL: fmt.Sprintf("http://qq/?fileid=%d", n), Size: 1000})
		switch rand.IntN(4) {
		case 0:
			_, _ = c.Put(context.Background(), bytes.NewReader(picture(rand.Int(), rand.IntN(30_000))), "upload", 1<<20)
		case 1:
			if f, err := c.Open(context.Background(), key); err == nil {
				_, _ = io.Copy(io.Discard, f)
				_ = f.Close()
			}
		case 2:
			if rand.IntN(20) == 0 {
				_, _ = c.GC(context.Background(), true)
			}
		}
	}
}

// kill -9 at any point of fetching, adding and evicting: after the next start there is no file that the index does not know
// and no row without its file.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	repaired := 0
	for round := range 25 {
		cmd := exec.Command(os.Args[0], "-test.run=^$")
		cmd.Env = append(os.Environ(), victimDir+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		if line != "begun\n" {
			t.Fatalf("round %d: the victim says %q, %v", round, line, err)
		}
		<-time.After(time.Duration(rand.IntN(250)) * time.Millisecond) // how far it comes is what the test is about
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()

		b := newBox(t, dir, func(o *Options) { o.Settings.Total = 512 << 10 })
		repaired += int(b.Stats().Repaired)
		agree(t, b.Dir(), b.index)
		if w := b.weight(); w > 512<<10 {
			t.Errorf("round %d: the cache weighs %d bytes", round, w)
		}
		b.shut()
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	t.Logf("%d repairs in 25 starts", repaired)
	if repaired == 0 {
		t.Error("nothing was ever half done: the victim was not killed at work")
	}
}
