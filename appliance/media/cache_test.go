package media

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/fence"
	"github.com/catflap/catflap/store"
)

// image is a picture as NapCat names it.
func image(q *qq, n int, body []byte) Offered {
	sum := md5.Sum(body)
	return Offered{
		Account: "bot", MessageID: int64(n), Group: true, Type: "image", File: strings.ToUpper(hex.EncodeToString(sum[:])) + ".png",
		URL: q.put(fmt.Sprint("id", n), body), Size: int64(len(body)), Max: 50 << 20,
	}
}

func TestSamePictureOnce(t *testing.T) {
	q := newQQ(t)
	b := newBox(t, "", nil)
	body := picture(1, 5000)
	var key Key
	for n := range 1000 {
		k := b.offer(image(q, n, body)) // each with a link and a fileid of its own
		if n > 0 && k != key {
			t.Fatalf("message %d has the key %s, the first has %s", n, k, key)
		}
		key = k
		if n%100 == 0 {
			b.settleDown()
		}
	}
	b.settleDown()
	b.want(key, body)
	if got := q.hits.Load(); got != 1 {
		t.Errorf("it was fetched %d times", got)
	}
	if s := b.Stats(); s.Items != 1 || s.Bytes != 5000 || s.Keys > 1 || s.Fetched != 1 || s.Hits != 1 || s.Spent != 5000 {
		t.Errorf("%+v", s)
	}
	if files := agree(t, b.Dir(), b.index); files != 1 {
		t.Errorf("%d files", files)
	}
}

func TestManyReadersOneFetch(t *testing.T) {
	q := newQQ(t)
	q.wait = make(chan struct{})
	b := newBox(t, "", func(o *Options) { o.Settings.Eager = 0 })
	body := picture(1, 5000)
	key := b.offer(image(q, 1, body))
	var readers sync.WaitGroup
	var good atomic.Int64
	for range 50 {
		readers.Go(func() {
			if got, err := b.read(key); err == nil && string(got) == string(body) {
				good.Add(1)
			}
		})
	}
	until(t, "the fetch begins", func() bool { return q.hits.Load() > 0 })
	close(q.wait)
	readers.Wait()
	if good.Load() != 50 || q.hits.Load() != 1 {
		t.Errorf("%d of 50 readers, %d fetches", good.Load(), q.hits.Load())
	}
}

func TestManySmallPictures(t *testing.T) {
	const pictures, size = 10_000, 600
	b := newBox(t, "", func(o *Options) {
		o.Settings.Total = 4 << 20
		o.Fetch = func(_ context.Context, address string, _ int64, w io.Writer) (fence.Fetched, error) {
			var n int
			fmt.Sscanf(query(address, "fileid"), "%d", &n)
			_, err := w.Write(picture(n, size))
			return fence.Fetched{}, err
		}
	})
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var last Key
	for n := range pictures {
		last = b.offer(Offered{Account: "bot", Type: "image", URL: fmt.Sprintf("http://qq/?fileid=%d", n), Size: size})
		if n%100 == 99 {
			b.settleDown()
			if got := b.weight(); got > 4<<20 {
				t.Fatalf("after %d pictures the cache weighs %d bytes", n, got)
			}
		}
	}
	b.want(last, picture(pictures-1, size))
	if err := b.index.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 2<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	s := b.Stats()
	if s.Fetched != pictures || s.Evicted != pictures-s.Items || s.Items < 1000 {
		t.Errorf("%+v", s)
	}
	agree(t, b.Dir(), b.index)
}

// littleHeap fails if the heap grows by more than a bound while fn runs. What the collector has not got to yet counts, more of
// it on a busy machine, and never less than what is in use: so of some tries, each with its number, the least tells.
func littleHeap(t *testing.T, what string, bound int64, fn func(try int)) {
	t.Helper()
	least := int64(math.MaxInt64)
	for try := range 5 {
		least = min(least, heapDuring(func() { fn(try) }))
		if least <= bound || t.Failed() {
			break
		}
	}
	t.Logf("%s: the heap grew by %d KiB", what, least>>10)
	if least > bound {
		t.Errorf("%s: the heap grew by %d bytes", what, least)
	}
}

// heapDuring is the largest growth of the heap while fn runs.
func heapDuring(fn func()) int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	base, most := m.HeapInuse, m.HeapInuse
	done := make(chan struct{})
	var sampling sync.WaitGroup
	sampling.Go(func() {
		for {
			runtime.GC()
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
			select {
			case <-done:
				return
			default:
			}
		}
	})
	fn()
	close(done)
	sampling.Wait()
	return int64(most) - int64(base)
}

// 50 MB over real sockets, from its origin to the disk and from there to a reader, with servers and clients of both in this
// process.
func TestLargeFileInLittleMemory(t *testing.T) {
	const size = 50 << 20
	pattern := picture(7, 64<<10)
	send := func(w io.Writer) {
		for range size / len(pattern) {
			if _, err := w.Write(pattern); err != nil {
				return
			}
		}
	}
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { send(w) }))
	defer origin.Close()
	b := newBox(t, "", func(o *Options) { o.Settings.Total = 400 << 20 })
	mux := http.NewServeMux()
	mux.Handle(Path, b)
	mux.HandleFunc("/media", b.Upload)
	server := httptest.NewServer(mux)
	defer server.Close()
	defer http.DefaultClient.CloseIdleConnections()
	read := func(key Key) {
		t.Helper()
		resp, err := http.Get(server.URL + Path + key.String())
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		if n, err := io.Copy(io.Discard, resp.Body); n < size || err != nil || resp.StatusCode != 200 {
			t.Errorf("status %d, %d bytes: %v", resp.StatusCode, n, err)
		}
	}
	small := b.offer(Offered{Account: "bot", Type: "video", File: "w.mp4", URL: origin.URL + "/?fileid=w", Size: 1, Max: 50 << 20})
	read(small) // so that what is made once is there
	for _, tt := range []struct {
		name string
		do   func(try int)
	}{
		{"fetched and served", func(try int) {
			read(b.offer(Offered{Account: "bot", Type: "video", File: "v.mp4", URL: fmt.Sprintf("%s/?fileid=v%d", origin.URL, try), Size: size, Max: 50 << 20}))
		}},
		{"uploaded", func(try int) {
			r, w := io.Pipe()
			go func() {
				_, _ = fmt.Fprintf(w, "not the same: %d", try) // and a little less in all
				for range size/len(pattern) - 1 {
					if _, err := w.Write(pattern); err != nil {
						return
					}
				}
				_ = w.Close()
			}()
			resp, err := http.Post(server.URL+"/media", "application/octet-stream", r)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if resp.StatusCode != 201 {
				t.Errorf("status %d", resp.StatusCode)
			}
		}},
	} {
		littleHeap(t, tt.name, 2<<20, tt.do)
	}
}

func TestLazyAndEager(t *testing.T) {
	q := newQQ(t)
	b := newBox(t, "", func(o *Options) { o.Settings.Eager = 1000 })
	small, large, silent := picture(1, 900), picture(2, 2000), picture(3, 3000)
	k1, k2 := b.offer(image(q, 1, small)), b.offer(image(q, 2, large))
	unsized := image(q, 3, silent)
	unsized.Size = 0
	k3 := b.offer(unsized)
	b.settleDown()
	if s := b.Stats(); s.Items != 1 || s.Failures["too_large"] != 0 {
		t.Errorf("after arrival: %+v", s)
	}
	b.want(k1, small)
	b.want(k2, large)
	b.want(k3, silent)
	if s := b.Stats(); s.Items != 3 || s.Hits != 1 || s.Misses != 2 {
		t.Errorf("after reading: %+v", s)
	}
}

func TestLimits(t *testing.T) {
	q := newQQ(t)
	b := newBox(t, "", func(o *Options) { o.Settings.Daily = 10_000 })
	tests := []struct {
		name  string
		offer Offered
		note  string
	}{
		{"above mediaMaxMb", Offered{Type: "video", URL: q.link("x", "k"), Size: 2000, Max: 1000}, "not kept by catflap: larger than mediaMaxMb"},
		{"above half of the quota", Offered{Type: "video", URL: q.link("x", "k"), Size: 33 << 20}, "not kept by catflap: larger than half of media.maxTotalMb"},
		{"above the day's budget", Offered{Type: "video", URL: q.link("x", "k"), Size: 20_000}, "not kept by catflap: media.maxDailyMb is used up for today"},
		{"a path", Offered{Type: "image", URL: "/etc/passwd"}, ""},
		{"a file address", Offered{Type: "image", URL: "file:///etc/passwd"}, ""},
		{"nothing to find it by", Offered{Type: "image"}, ""},
		{"an endless address", Offered{Type: "image", URL: "http://qq/" + strings.Repeat("a", 3000)}, "not kept by catflap: its address is too long"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if key, note, ok := b.Offer(tt.offer); ok || note != tt.note {
				t.Errorf("Offer = %v, %q, %v", key, note, ok)
			}
		})
	}

	// One that says nothing of its size, or lies.
	o := image(q, 1, picture(1, 5000))
	o.Size, o.Max = 100, 4000
	if _, err := b.read(b.offer(o)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a liar: %v", err)
	}
	b.settleDown()

	// The day's budget counts what was written, and ends with the day.
	a, z := picture(2, 6000), picture(3, 6000)
	b.want(b.offer(image(q, 2, a)), a)
	last := image(q, 3, z)
	last.Size = 0
	key := b.offer(last)
	if _, err := b.read(key); !errors.Is(err, errBudget) {
		t.Errorf("above the budget: %v", err)
	}
	agree(t, b.Dir(), b.index)
	b.settleDown()
	b.pass(24 * time.Hour)
	b.want(key, z)
	if got := b.Stats().Spent; got != 6000 {
		t.Errorf("%d bytes spent on the second day", got)
	}
}

func TestBudgetSurvivesRestart(t *testing.T) {
	q := newQQ(t)
	b := newBox(t, "", nil)
	body := picture(1, 5000)
	b.want(b.offer(image(q, 1, body)), body)
	b.shut()
	if got := newBox(t, b.dir, nil).Stats().Spent; got != 5000 {
		t.Errorf("after a start %d bytes are spent", got)
	}
}

// Keys outlive restarts, and so does what is needed to fetch a medium that was only offered.
func TestOfferSurvivesRestart(t *testing.T) {
	q := newQQ(t)
	b := newBox(t, "", func(o *Options) { o.Settings.Eager = 0 })
	body := picture(1, 5000)
	key := b.offer(image(q, 1, body))
	b.settleDown()
	b.shut()
	b = newBox(t, b.dir, nil)
	b.want(key, body)
	if again := b.offer(image(q, 2, body)); again != key {
		t.Errorf("the key was %s and is %s", key, again)
	}
}

func TestDeadLinks(t *testing.T) {
	body := picture(1, 5000)
	chunk := base64.StdEncoding.EncodeToString(body)
	half := len(chunk) / 8 * 4
	frames := []string{
		`{"status":"ok","retcode":0,"data":{"type":"stream","data_type":"file_info","file_name":"a.png","file_size":5000,"chunk_size":65536}}`,
		`{"status":"ok","retcode":0,"data":{"type":"stream","data_type":"file_chunk","index":0,"data":"` + chunk[:half] + `"}}`,
		`{"status":"ok","retcode":0,"data":{"type":"stream","data_type":"file_chunk","index":1,"data":"` + chunk[half:] + `"}}`,
		`{"status":"ok","retcode":0,"data":{"type":"response","data_type":"file_complete","total_chunks":2,"total_bytes":5000}}`,
	}
	tests := []struct {
		name   string
		napcat func(q *qq, file string) *napcat
		asked  string // the last question
		err    error
	}{
		{"nc_get_rkey", func(*qq, string) *napcat {
			return &napcat{answers: map[string]string{"nc_get_rkey": `[{"rkey":"&rkey=wrong","ttl":"3600","type":10},{"rkey":"&rkey=fresh","ttl":3600,"type":20}]`}}
		}, "bot nc_get_rkey ", nil},
		{"get_rkey", func(*qq, string) *napcat {
			return &napcat{answers: map[string]string{"get_rkey": `[{"rkey":"&rkey=fresh","type":"group"}]`}}
		}, "bot get_rkey ", nil},
		{"get_msg", func(q *qq, file string) *napcat {
			return &napcat{answers: map[string]string{"get_msg": `{"message":[{"type":"text","data":{"text":"a"}},{"type":"image","data":{"file":"` + file + `","url":"` + q.link("id1", "fresh") + `"}}]}`}}
		}, `bot get_msg {"message_id":1}`, nil},
		{"download_file_image_stream", func(*qq, string) *napcat {
			return &napcat{frames: map[string][]string{"download_file_image_stream": frames}}
		}, "bot download_file_image_stream ", nil},
		{"get_image with base64", func(*qq, string) *napcat {
			return &napcat{answers: map[string]string{"get_image": `{"file":"/root/.config/QQ/a.png","url":"/root/.config/QQ/a.png","base64":"` + chunk + `"}`}}
		}, "bot get_image ", nil},
		{"get_image with a path", func(*qq, string) *napcat {
			return &napcat{answers: map[string]string{"get_image": `{"file":"/etc/passwd","url":"/etc/passwd"}`}}
		}, "bot get_image ", ErrGone},
		{"get_image with an inner address", func(*qq, string) *napcat {
			return &napcat{answers: map[string]string{"get_image": `{"url":"http://192.168.1.1/secret"}`}}
		}, "bot get_image ", fence.ErrRefused},
		{"nobody has it", func(*qq, string) *napcat { return &napcat{} }, "bot get_image ", ErrGone},
		{"NapCat is away", func(*qq, string) *napcat { return &napcat{away: true} }, "bot get_image ", ErrAway},
		{"a stream that breaks off", func(*qq, string) *napcat {
			return &napcat{frames: map[string][]string{"download_file_image_stream": frames[:2]}}
		}, "bot get_image ", ErrGone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := newQQ(t)
			o := image(q, 1, body)
			n := tt.napcat(q, o.File)
			b := newBox(t, "", func(o *Options) {
				o.Settings.Eager = 0
				n.options(o)
			})
			key := b.offer(o)
			b.settleDown()
			q.expire("fresh")
			got, err := b.read(key)
			if tt.err != nil {
				if !errors.Is(err, tt.err) {
					t.Errorf("reading = %v, want %v", err, tt.err)
				}
			} else if err != nil || string(got) != string(body) {
				t.Errorf("reading = %d bytes, %v", len(got), err)
			}
			lines := strings.Split(n.log(), "\n")
			if last := lines[len(lines)-1]; !strings.HasPrefix(last, tt.asked) {
				t.Errorf("asked last: %s", last)
			}
			agree(t, b.Dir(), b.index)

			// Who asks again soon gets the same answer, and nobody else is asked.
			if tt.err != nil {
				hits := q.hits.Load()
				if _, err := b.read(key); !errors.Is(err, tt.err) || len(strings.Split(n.log(), "\n")) != len(lines) || q.hits.Load() != hits {
					t.Errorf("reading again = %v, after %d more questions", err, len(strings.Split(n.log(), "\n"))-len(lines))
				}
				b.pass(time.Hour)
				if _, err := b.read(key); !errors.Is(err, tt.err) || len(strings.Split(n.log(), "\n")) == len(lines) {
					t.Errorf("an hour later = %v, after %d more questions", err, len(strings.Split(n.log(), "\n"))-len(lines))
				}
			}
		})
	}
}

// A link that died after the medium was fetched bothers nobody.
func TestLinksThatDieLater(t *testing.T) {
	q := newQQ(t)
	b := newBox(t, "", nil)
	body := picture(1, 5000)
	key := b.offer(image(q, 1, body))
	b.settleDown()
	q.expire("fresh")
	hits := q.hits.Load()
	b.want(key, body)
	if q.hits.Load() != hits {
		t.Error("the origin was asked again")
	}
}

// A sender may name his picture by the MD5 of another one. The next that has the name is fetched all the same, and once
// the true one is here it stays.
func TestPictureWithAnotherName(t *testing.T) {
	q := newQQ(t)
	b := newBox(t, "", nil)
	good := image(q, 1, picture(1, 5000))
	bad := good
	bad.URL, bad.Size = q.put("bad", picture(2, 5000)), 5000
	key := b.offer(bad)
	b.settleDown()
	b.want(key, picture(2, 5000))
	if k := b.offer(good); k != key {
		t.Fatal("two keys")
	}
	b.settleDown()
	b.want(key, picture(1, 5000))
	b.offer(bad)
	b.settleDown()
	b.want(key, picture(1, 5000))
}

func TestEvictionKeepsWhatIsRead(t *testing.T) {
	q := newQQ(t)
	b := newBox(t, "", func(o *Options) { o.Settings.Total = 100 << 10 })
	first := picture(0, 20<<10)
	key := b.offer(image(q, 0, first))
	b.settleDown()
	f, err := b.Open(context.Background(), key)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n < 20; n++ {
		b.pass(time.Minute)
		body := picture(n, 20<<10)
		b.want(b.offer(image(q, n, body)), body)
	}
	if _, err := os.Stat(filepath.Join(b.Dir(), filepath.FromSlash(f.Rel()))); err != nil {
		t.Errorf("the file that is read: %v", err)
	}
	if got, err := io.ReadAll(f); err != nil || string(got) != string(first) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if err := errors.Join(f.Close(), nil); err != nil {
		t.Error(err)
	}
	if removed, err := b.GC(context.Background(), true); err != nil || removed.Items == 0 {
		t.Errorf("GC = %+v, %v", removed, err)
	}
	if files := agree(t, b.Dir(), b.index); files != 0 {
		t.Errorf("%d files are left", files)
	}
	// What was evicted is fetched again while its link lives.
	b.want(key, first)
}

func TestAge(t *testing.T) {
	q := newQQ(t)
	b := newBox(t, "", nil)
	body := picture(1, 5000)
	key := b.offer(image(q, 1, body))
	b.settleDown()
	b.pass(23 * time.Hour)
	b.want(key, body)
	if removed, err := b.GC(context.Background(), false); err != nil || removed.Items != 0 {
		t.Errorf("GC before its time = %+v, %v", removed, err)
	}
	b.pass(2 * time.Hour)
	if removed, err := b.GC(context.Background(), false); err != nil || removed != (Removed{1, 5000}) {
		t.Errorf("GC = %+v, %v", removed, err)
	}
	if _, err := b.read(key); !errors.Is(err, ErrUnknown) {
		t.Errorf("reading = %v", err)
	}
	agree(t, b.Dir(), b.index)
}

func TestQuotaShrinks(t *testing.T) {
	q := newQQ(t)
	b := newBox(t, "", nil)
	for n := range 20 {
		body := picture(n, 20<<10)
		b.want(b.offer(image(q, n, body)), body)
	}
	s := roomy()
	s.Total = 100 << 10
	b.Set(s)
	until(t, "the cache is within its new quota", func() bool { return b.weight() <= s.Total })
}

func TestPut(t *testing.T) {
	b := newBox(t, "", nil)
	ctx := context.Background()
	body := picture(1, 3000)
	one, err := b.Put(ctx, strings.NewReader(string(body)), "猫.png", 1<<20)
	if err != nil || one.Size != 3000 || one.Type != "image/png" || one.Name != "猫.png" {
		t.Fatalf("Put = %+v, %v", one, err)
	}
	two, err := b.Put(ctx, strings.NewReader(string(body)), "猫.png", 1<<20)
	if err != nil || two.Key != one.Key {
		t.Errorf("Put again = %+v, %v", two, err)
	}
	// Who uploads the same under another name does not rename it for others.
	if three, err := b.Put(ctx, strings.NewReader(string(body)), "b.png", 1<<20); err != nil || three.Key == one.Key {
		t.Errorf("Put under another name = %+v, %v", three, err)
	}
	if f, err := b.Open(ctx, one.Key); err != nil || f.Name != "猫.png" || f.Close() != nil {
		t.Errorf("Open = %+v, %v", f, err)
	}
	b.want(one.Key, body)
	if key, ok := b.Own(b.URL(one.Key)); !ok || key != one.Key {
		t.Errorf("Own = %s, %v", key, ok)
	}
	for _, other := range []string{"", "http://elsewhere/media/" + one.Key.String(), b.URL(one.Key)[:40], "/media/../" + one.Key.String()} {
		if _, ok := b.Own(other); ok {
			t.Errorf("Own(%q)", other)
		}
	}
	if _, err := b.Put(ctx, strings.NewReader(string(body)), "", 2999); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Put(too large) = %v", err)
	}
	if _, err := b.Put(ctx, strings.NewReader(""), "", 1000); !errors.Is(err, ErrEmpty) {
		t.Errorf("Put(nothing) = %v", err)
	}
	if files := agree(t, b.Dir(), b.index); files != 1 {
		t.Errorf("%d files", files)
	}
	if _, err := b.GC(ctx, true); err != nil {
		t.Fatal(err)
	}
	if _, err := b.read(one.Key); !errors.Is(err, ErrGone) {
		t.Errorf("after eviction: %v", err)
	}
}

func TestReconcile(t *testing.T) {
	q := newQQ(t)
	b := newBox(t, "", nil)
	var keys []Key
	for n := range 4 {
		keys = append(keys, b.offer(image(q, n, picture(n, 2000))))
	}
	b.settleDown()
	var names []string
	for _, key := range keys {
		row, _, err := b.index.Get(store.MediaKey(key))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, filepath.Join(b.Dir(), filepath.FromSlash(fileName(row.Sum))))
	}
	b.shut()
	outside := filepath.Join(b.dir, "outside")
	stranger := filepath.Join(b.Dir(), "ab", strings.Repeat("ab", 32))
	foreign := []string{filepath.Join(b.Dir(), "photo.jpg"), filepath.Join(b.Dir(), "ab", "notes.txt"), filepath.Join(b.Dir(), "tmp", "mine")}
	if err := errors.Join(
		os.Remove(names[1]),
		os.WriteFile(names[2], []byte("torn"), 0o600),
		os.Remove(names[3]), os.WriteFile(outside, picture(3, 2000), 0o600), os.Symlink(outside, names[3]),
		os.MkdirAll(filepath.Join(b.Dir(), "ab"), 0o700), os.WriteFile(stranger, nil, 0o600),
		os.WriteFile(filepath.Join(b.Dir(), "tmp", "part-9"), nil, 0o600),
	); err != nil {
		t.Fatal(err)
	}
	for _, name := range foreign {
		if err := os.WriteFile(name, []byte("the owner's"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b = newBox(t, b.dir, nil)
	if got := b.Stats().Repaired; got != 6 { // torn and link: file and row each; missing: row; stranger: file
		t.Errorf("%d repairs", got)
	}
	for _, name := range foreign {
		if err := os.Remove(name); err != nil {
			t.Errorf("the owner's file: %v", err)
		}
	}
	if err := b.index.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if files := agree(t, b.Dir(), b.index); files != 1 {
		t.Errorf("%d files", files)
	}
	for n, key := range keys { // all of them can be had again
		b.want(key, picture(n, 2000))
	}
	if got, err := os.ReadFile(outside); err != nil || len(got) != 2000 {
		t.Errorf("the file that a link pointed to: %v", err)
	}
}

// A link in the place of a folder leads nowhere outside.
func TestFault_S13_LinkInTheFolder(t *testing.T) {
	q := newQQ(t)
	b := newBox(t, "", nil)
	elsewhere := t.TempDir()
	for first := range 256 {
		if err := os.Symlink(elsewhere, filepath.Join(b.Dir(), fmt.Sprintf("%02x", first))); err != nil {
			t.Fatal(err)
		}
	}
	key := b.offer(image(q, 1, picture(1, 2000)))
	if got, err := b.read(key); err == nil {
		t.Errorf("read %d bytes", len(got))
	}
	if list, err := os.ReadDir(elsewhere); err != nil || len(list) != 0 {
		t.Errorf("outside lie %v (%v)", list, err)
	}
	info, err := os.Stat(b.Dir())
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", info, err)
	}
}

func TestOffWithoutQuota(t *testing.T) {
	q := newQQ(t)
	b := newBox(t, "", func(o *Options) { o.Settings.Total = 0 })
	if key, note, ok := b.Offer(image(q, 1, picture(1, 2000))); ok || note != "" {
		t.Errorf("Offer = %v, %q, %v", key, note, ok)
	}
	if _, err := b.Put(context.Background(), strings.NewReader("x"), "", 10); !errors.Is(err, errDisabled) {
		t.Errorf("Put = %v", err)
	}
}

// An offer lies on the way of every event with a medium.
func BenchmarkOffer(b *testing.B) {
	q := newQQ(b)
	box := newBox(b, "", nil)
	o := image(q, 1, picture(1, 5000))
	box.offer(o)
	box.settleDown()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := box.Offer(o); !ok {
			b.StopTimer()
			box.settleDown()
			b.StartTimer()
		}
	}
}
