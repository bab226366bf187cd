package fetch

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestMain lets the test binary be the process that downloads.
func TestMain(m *testing.M) {
	if len(os.Args) == 6 && os.Args[1] == "download" {
		if err := download(os.Args[2], os.Args[3], os.Args[4], os.Args[5]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// download fetches a file and prints by how many kilobytes the process grew.
func download(url, dir, sum, length string) error {
	web, err := NewWeb(WebConfig{URL: url})
	if err != nil {
		return err
	}
	b, err := OpenBlobs(BlobsConfig{Dir: dir, Free: 1, Wait: func(context.Context, time.Duration) error { return nil }})
	if err != nil {
		return err
	}
	w := Want{Name: "large"}
	hash, err := hex.DecodeString(sum)
	if err != nil {
		return err
	}
	w.SHA256 = [32]byte(hash)
	if w.Length, err = strconv.ParseInt(length, 10, 64); err != nil {
		return err
	}
	before, err := peak()
	if err != nil {
		return err
	}
	if _, err := b.Fetch(context.Background(), web, w); err != nil {
		return err
	}
	after, err := peak()
	fmt.Print(after - before)
	return err
}

// peak is the most memory this process had resident, in kilobytes.
func peak() (int, error) {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(data), "VmHWM:")
	return strconv.Atoi(strings.Fields(rest)[0])
}

// A slowLink passes so many bytes a second, and is cut after a time.
type slowLink struct {
	http.ResponseWriter
	rate  float64
	began time.Time
	cut   time.Duration
	sent  *atomic.Int64
	n     int64
}

func (l *slowLink) Write(p []byte) (int, error) {
	const piece = 16 << 10
	for done := 0; done < len(p); done += piece {
		due := time.Duration(float64(l.n) / l.rate * float64(time.Second))
		<-time.After(due - time.Since(l.began)) // the link takes its time
		if time.Since(l.began) >= l.cut {
			panic(http.ErrAbortHandler)
		}
		n, err := l.ResponseWriter.Write(p[done:min(len(p), done+piece)])
		l.sent.Add(int64(n))
		l.n += int64(n)
		if err != nil {
			return done + n, err
		}
	}
	return len(p), nil
}

// TestHundredMegabytes over a link that is cut again and again: less than 5 %
// of bytes twice, less than 16 MB of memory. It carries 10 MB until each cut,
// every 0.2 s, or with DUNLIN_LONG every 2 s.
func TestHundredMegabytes(t *testing.T) {
	data, cut := contents(100<<20), 200*time.Millisecond
	if os.Getenv("DUNLIN_LONG") != "" {
		cut = 2 * time.Second
	}
	var sent, cuts atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cuts.Add(1)
		serve(data, `"a"`)(&slowLink{ResponseWriter: w, rate: 10e6 / cut.Seconds(), began: time.Now(), cut: cut, sent: &sent}, r)
	}))
	defer srv.Close()
	w := want(data)
	out, err := exec.CommandContext(t.Context(), "/proc/self/exe", "download", srv.URL, t.TempDir(), hex.EncodeToString(w.SHA256[:]), fmt.Sprint(w.Length)).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	grown, err := strconv.Atoi(string(out))
	if err != nil {
		t.Fatal(err)
	}
	extra := sent.Load() - w.Length
	t.Logf("%d connections of %v, %d bytes twice (%.2f %%), peak grew by %d kB", cuts.Load(), cut, extra, 100*float64(extra)/float64(w.Length), grown)
	if cuts.Load() < 10 {
		t.Error("the link was hardly cut")
	}
	if extra > w.Length/20 || grown > 16<<10 {
		t.Error("too much")
	}
}
