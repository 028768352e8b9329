package remote

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/hub"
	"github.com/proctor-attest/proctor/attest/hub/hubtest"
	"github.com/proctor-attest/proctor/attest/model"
)

// files is a model of two shards and an index.
func files(t testing.TB) fstest.MapFS {
	t.Helper()
	shard := func(tensors ...model.TensorData) *fstest.MapFile {
		var b bytes.Buffer
		if err := model.Write(&b, tensors); err != nil {
			t.Fatal(err)
		}
		return &fstest.MapFile{Data: b.Bytes(), Mode: 0o644}
	}
	large := bytes.Repeat([]byte("0123456789abcdef"), 20000)
	return fstest.MapFS{
		"config.json":                      {Data: []byte(`{"a":1}`)},
		"README.md":                        {Data: []byte("hello")},
		"empty.py":                         {},
		"tokenizer.json":                   {Data: []byte(`{"b":2}`)},
		"model.safetensors.index.json":     {Data: []byte(`{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors","c":"model-00002-of-00002.safetensors"}}`)},
		"model-00001-of-00002.safetensors": shard(model.TensorData{Name: "a", DType: "U8", Shape: []uint64{uint64(len(large))}, Data: large}),
		"model-00002-of-00002.safetensors": shard(
			model.TensorData{Name: "b", DType: "U8", Shape: []uint64{uint64(len(large))}, Data: bytes.ToUpper(large)},
			model.TensorData{Name: "c", DType: "U8", Shape: []uint64{4}, Data: []byte("tiny")}),
	}
}

func serve(t testing.TB, fsys fstest.MapFS) (*hubtest.Hub, *Client) {
	t.Helper()
	h, err := hubtest.New(fsys)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h, &Client{Endpoint: h.URL, Token: "secret", Sleep: func(context.Context, time.Duration) error { return nil }}
}

func listing(t testing.TB, c *Client) (*hub.Listing, []byte) {
	t.Helper()
	l, raw, err := c.Listing(t.Context(), hub.Repo{Name: "lab/tiny"})
	if err != nil {
		t.Fatal(err)
	}
	return l, raw
}

func find(t testing.TB, l *hub.Listing, name string) hub.File {
	t.Helper()
	for _, f := range l.Files {
		if f.Path == name {
			return f
		}
	}
	t.Fatalf("%s is not listed", name)
	return hub.File{}
}

func TestBytes(t *testing.T) {
	fsys := files(t)
	h, c := serve(t, fsys)
	l, _ := listing(t, c)
	if l.Revision != h.Commit || l.Repo != "lab/tiny" || len(l.Files) != len(fsys) {
		t.Fatalf("listing of %s at %s with %d files", l.Repo, l.Revision, len(l.Files))
	}
	for _, f := range l.Files {
		data := fsys[f.Path].Data
		for _, r := range [][2]int{{0, len(data)}, {0, len(data) / 2}, {len(data) / 2, len(data) - len(data)/2}, {len(data) - 1, 1}} {
			if r[0] < 0 {
				continue
			}
			body, err := c.Bytes(t.Context(), l.Repo, l.Revision, f, int64(r[0]), int64(r[1]))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(body)
			body.Close()
			if err != nil || !bytes.Equal(got, data[r[0]:r[0]+r[1]]) {
				t.Errorf("%s from %d: %d bytes, %v; want %d", f.Path, r[0], len(got), err, r[1])
			}
		}
	}
}

// What goes wrong between a hub and its reader is said in one line, and never taken for
// the file.
func TestBytesRefuses(t *testing.T) {
	const shard = "model-00001-of-00002.safetensors"
	fsys := files(t)
	data := fsys[shard].Data
	other := bytes.Clone(data)
	other[len(other)-1] ^= 1
	answer := func(status int, header map[string]string, body []byte) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			for k, v := range header {
				w.Header().Set(k, v)
			}
			w.WriteHeader(status)
			w.Write(body)
		}
	}
	partial := func(of string, body []byte) func(http.ResponseWriter, *http.Request) {
		return answer(http.StatusPartialContent, map[string]string{"Content-Range": of}, body)
	}
	size := len(data)
	for name, test := range map[string]struct {
		cdn    func(http.ResponseWriter, *http.Request) // in the place of the second host's answer
		hub    func(http.ResponseWriter, *http.Request) // of the hub's
		offset int64
		n      int64
		want   string
	}{
		"ignores ranges":           {cdn: answer(200, nil, data), offset: 10, n: 20, want: "the whole file instead of a range"},
		"ignores ranges from 0":    {cdn: answer(200, nil, data), offset: 0, n: 20, want: "the whole file instead of a range"},
		"another range":            {cdn: partial(fmt.Sprintf("bytes 11-30/%d", size), data[11:31]), offset: 10, n: 20, want: `the range "bytes 11-30/`},
		"range of another file":    {cdn: partial("bytes 10-29/999", data[10:30]), offset: 10, n: 20, want: `the range "bytes 10-29/999"`},
		"no content range":         {cdn: answer(206, nil, data[10:30]), offset: 10, n: 20, want: `the range ""`},
		"range cut short":          {cdn: partial(fmt.Sprintf("bytes 10-29/%d", size), data[10:20]), offset: 10, n: 20, want: "the server sends 10 bytes of a range of 20"},
		"range too long":           {cdn: flushing(206, fmt.Sprintf("bytes 10-29/%d", size), data[10:40]), offset: 10, n: 20, want: "more than it said"},
		"connection lost":          {cdn: losing(data, false), offset: 10, n: 20, want: "the answer ends at byte 14, 16 are missing"},
		"file cut short":           {cdn: answer(200, nil, data[:100]), n: int64(size), want: "the server sends 100 bytes, the file is listed with"},
		"other bytes":              {cdn: answer(200, nil, other), n: int64(size), want: "other bytes came than are listed: SHA-256"},
		"partial for whole":        {cdn: partial(fmt.Sprintf("bytes 0-%d/%d", size-1, size), data), n: int64(size), want: "answers 206"},
		"compressed":               {cdn: answer(200, map[string]string{"Content-Encoding": "gzip"}, data), n: int64(size), want: "encodes what it sends"},
		"not satisfiable":          {cdn: answer(416, nil, nil), offset: 10, n: 20, want: "416"},
		"signature expired":        {cdn: answer(403, nil, []byte("expired")), offset: 10, n: 20, want: "answers 403 Forbidden"},
		"gated":                    {hub: answer(401, map[string]string{"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted."}, nil), n: 20, want: `401 Unauthorized, GatedRepo: "Access is restricted."`},
		"gone":                     {hub: answer(404, map[string]string{"X-Error-Code": "EntryNotFound"}, nil), n: 20, want: "404 Not Found, EntryNotFound"},
		"JSON error":               {hub: answer(404, nil, []byte(`{"error":"Invalid rev id"}`)), n: 20, want: `"Invalid rev id"`},
		"too many requests":        {hub: answer(429, map[string]string{"Retry-After": "7"}, nil), n: 20, want: "429 Too Many Requests"},
		"broken":                   {hub: answer(502, nil, nil), n: 20, want: "502"},
		"redirect in circles":      {hub: answer(302, map[string]string{"Location": "/lab/tiny/resolve/main/x"}, nil), n: 20, want: "more than 5 redirects"},
		"redirect to a file":       {hub: answer(302, map[string]string{"Location": "file:///etc/passwd"}, nil), n: 20, want: "redirect from http to file"},
		"etag of another file":     {hub: answer(200, map[string]string{"X-Linked-Etag": `"` + strings.Repeat("ab", 32) + `"`}, data), n: int64(size), want: "serves a file with etag abab"},
		"another commit":           {hub: answer(200, map[string]string{"X-Repo-Commit": strings.Repeat("ab", 20)}, data), n: int64(size), want: "answers for commit"},
		"no answer for a while":    {cdn: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, n: 20, want: "no byte came for"},
		"no more bytes for a time": {cdn: losing(data, true), offset: 10, n: 20, want: "no byte came for"},
		"size of another file":     {hub: answer(200, map[string]string{"X-Linked-Size": "7"}, data), n: int64(size), want: "serves a file of 7 bytes, and lists"},
	} {
		t.Run(name, func(t *testing.T) {
			h, c := serve(t, fsys)
			c.Stall = 100 * time.Millisecond
			l, _ := listing(t, c)
			h.Fault = func(w http.ResponseWriter, r *http.Request, cdn bool) bool {
				fault := test.hub
				if cdn {
					fault = test.cdn
				}
				if fault != nil {
					fault(w, r)
				}
				return fault != nil
			}
			body, err := c.Bytes(t.Context(), l.Repo, l.Revision, find(t, l, shard), test.offset, test.n)
			if err == nil {
				_, err = io.ReadAll(body)
				body.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want one with %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("error of several lines: %q", err)
			}
		})
	}
}

// flushing sends bytes without saying how many.
func flushing(status int, contentRange string, body []byte) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Range", contentRange)
		w.WriteHeader(status)
		w.Write(body)
		w.(http.Flusher).Flush()
	}
}

// losing sends the first byte of each range, and closes the connection or lets it wait.
func losing(data []byte, wait bool) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		var from, to int
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to)
		flushing(206, fmt.Sprintf("bytes %d-%d/%d", from, to, len(data)), data[from:from+1])(w, r)
		if wait {
			<-r.Context().Done()
		}
	}
}

// A connection that breaks is taken up where it broke, at the hub, which signs anew; what
// comes then is checked like the first answer.
func TestResume(t *testing.T) {
	const shard = "model-00002-of-00002.safetensors"
	fsys := files(t)
	data := fsys[shard].Data
	for name, test := range map[string]struct {
		offset, n int64
		later     map[string]string // of the hub, once the connection broke
		want      string            // error
	}{
		"a whole file": {0, int64(len(data)), nil, ""},
		"a range":      {1000, 300000, nil, ""},
		"another file": {0, int64(len(data)), map[string]string{"X-Linked-Etag": strings.Repeat("ab", 32)}, "serves a file with etag abab"},
		"other bytes":  {0, int64(len(data)), map[string]string{"Served": "other"}, "other bytes came than are listed"},
	} {
		t.Run(name, func(t *testing.T) {
			h, c := serve(t, fsys)
			l, _ := listing(t, c)
			if test.later["Served"] != "" {
				forged := bytes.Clone(data)
				forged[len(forged)-1] ^= 1
				h.Served = map[string][]byte{shard: forged}
			}
			var broken atomic.Int32
			h.Fault = func(w http.ResponseWriter, r *http.Request, cdn bool) bool {
				if !cdn && broken.Load() > 0 && test.later["X-Linked-Etag"] != "" {
					w.Header().Set("X-Linked-Etag", test.later["X-Linked-Etag"])
					w.Write(data)
					return true
				}
				if !cdn || broken.Load() == 3 {
					return false
				}
				broken.Add(1)
				http.ServeContent(&cut{w, 70000}, r, shard, time.Time{}, bytes.NewReader(data))
				return true
			}
			body, err := c.Bytes(t.Context(), l.Repo, l.Revision, find(t, l, shard), test.offset, test.n)
			if err != nil {
				t.Fatal(err)
			}
			defer body.Close()
			got, err := io.ReadAll(body)
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error is %v, want one with %q", err, test.want)
				}
				return
			}
			if err != nil || !bytes.Equal(got, data[test.offset:test.offset+test.n]) || broken.Load() != 3 {
				t.Errorf("%d bytes after %d breaks, %v; want %d after 3", len(got), broken.Load(), err, test.n)
			}
		})
	}
}

// cut lets the connection break after some bytes.
type cut struct {
	http.ResponseWriter
	left int
}

func (c *cut) Write(p []byte) (int, error) {
	n := min(len(p), c.left)
	c.ResponseWriter.Write(p[:n])
	if c.left -= n; c.left == 0 {
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, nil
}

// The hub redirects from names that repositories had, and knows branches, tags and pull
// requests; what is asked for then is of the commit that it named.
func TestRevisions(t *testing.T) {
	_, c := serve(t, files(t))
	for _, repo := range []hub.Repo{{Name: "lab/tiny", Revision: hubtest.PullRequest}, {Name: "lab/tiny", Revision: "main"}, {Name: hubtest.OldName}, {Name: hubtest.OldName, Revision: hubtest.PullRequest}} {
		l, _, err := c.Listing(t.Context(), repo)
		if err != nil {
			t.Errorf("%s: %v", repo, err)
			continue
		}
		if l.Repo != "lab/tiny" || !hub.IsCommit(l.Revision) {
			t.Errorf("%s: listing of %s at %s", repo, l.Repo, l.Revision)
		}
		body, err := c.Bytes(t.Context(), repo.Name, l.Revision, find(t, l, "tokenizer.json"), 0, 7)
		if err != nil {
			t.Errorf("%s: %v", repo, err)
			continue
		}
		if got, err := io.ReadAll(body); string(got) != `{"b":2}` || err != nil {
			t.Errorf("%s: %q, %v", repo, got, err)
		}
		body.Close()
	}
	if _, _, err := c.Listing(t.Context(), hub.Repo{Name: "lab/tiny", Revision: "refs/pr/2"}); err == nil {
		t.Error("a revision that is not there was listed")
	}
}

// How long to wait is said in one of three ways.
func TestWait(t *testing.T) {
	now := "Wed, 25 Nov 2026 15:00:00 GMT"
	for _, test := range []struct {
		header map[string]string
		want   time.Duration
	}{
		{map[string]string{"Retry-After": "7"}, 7 * time.Second},
		{map[string]string{"Retry-After": "Wed, 25 Nov 2026 15:01:00 GMT", "Date": now}, time.Minute},
		{map[string]string{"Retry-After": "Wed, 25 Nov 2026 14:01:00 GMT", "Date": now}, 0},
		{map[string]string{"Retry-After": "-1"}, 0},
		{map[string]string{"Retry-After": "soon"}, 0},
		{map[string]string{"RateLimit": `"resolvers";r=0;t=55`, "RateLimit-Policy": `"fixed window";"resolvers";q=3000;w=300`}, 55 * time.Second},
		{map[string]string{"RateLimit": `"api";r=0; t=300`, "Retry-After": "3"}, 3 * time.Second},
		{map[string]string{"RateLimit": `"api";r=0;t=99999999999999999999`}, 0},
		{nil, 0},
	} {
		r := &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{}}
		for k, v := range test.header {
			r.Header.Set(k, v)
		}
		if got := new(Client).wait(r); got != test.want {
			t.Errorf("%v: wait %s, want %s", test.header, got, test.want)
		}
		if r.StatusCode = http.StatusForbidden; new(Client).wait(r) >= 0 {
			t.Error("asks again after 403")
		}
	}
}

// A hub that is busy is asked again, as late as it says, and not later than a while.
func TestRetry(t *testing.T) {
	h, c := serve(t, files(t))
	failures := 2
	h.Fault = func(w http.ResponseWriter, _ *http.Request, cdn bool) bool {
		if failures == 0 {
			return false
		}
		failures--
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}
	var waits, told []time.Duration
	c.Waiting = func(d time.Duration) { told = append(told, d) }
	c.Sleep = func(_ context.Context, d time.Duration) error {
		waits = append(waits, d)
		return nil
	}
	listing(t, c)
	if len(waits) != 2 || waits[0] != 7*time.Second || len(told) != 2 {
		t.Errorf("waited %v, told %v, want twice 7 s", waits, told)
	}
	h.Fault = nil
	again := true
	h.Fault = func(w http.ResponseWriter, _ *http.Request, _ bool) bool {
		w.Header().Set("Retry-After", "50000")
		if again {
			w.WriteHeader(http.StatusTooManyRequests)
		}
		defer func() { again = false }()
		return again
	}
	listing(t, c)
	if last := waits[len(waits)-1]; last != maxWait {
		t.Errorf("waited %s, want %s", last, maxWait)
	}
	again = true
	c.Sleep = func(context.Context, time.Duration) error { return errors.New("interrupted") }
	if _, _, err := c.Listing(t.Context(), hub.Repo{Name: "lab/tiny"}); err == nil || err.Error() != "hf:lab/tiny: interrupted" {
		t.Errorf("error is %v, want that it was interrupted", err)
	}
}

// A token is for the hub; hubtest refuses one at its other host. What a redirect says
// in its query lets others in and is in no error.
func TestSecrets(t *testing.T) {
	h, c := serve(t, files(t))
	l, _ := listing(t, c)
	h.Fault = func(w http.ResponseWriter, r *http.Request, cdn bool) bool {
		if got := r.Header.Get("Authorization"); !cdn && got != "Bearer secret" || cdn && got != "" {
			t.Errorf("authorization %q, other host: %v", got, cdn)
		}
		if cdn {
			panic(http.ErrAbortHandler) // the connection breaks
		}
		return false
	}
	_, err := c.Bytes(t.Context(), l.Repo, l.Revision, find(t, l, "tokenizer.json"), 0, 1)
	if err == nil || strings.Contains(err.Error(), "signature") || strings.Contains(err.Error(), "secret") {
		t.Errorf("error is %v, want one without secrets", err)
	}
}

func TestListingRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		repo   hub.Repo
		answer string
		want   string
	}{
		"no such repository": {hub.Repo{Name: "lab/other"}, "", "404 Not Found, RepoNotFound"},
		"another commit":     {hub.Repo{Name: "lab/tiny", Revision: strings.Repeat("ab", 20)}, `{"sha":"` + strings.Repeat("cd", 20) + `","siblings":[{"rfilename":"a","blobId":"` + strings.Repeat("ef", 20) + `"}]}`, "answers for commit cdcd"},
		"no commit":          {hub.Repo{Name: "lab/tiny"}, `{"siblings":[{"rfilename":"a","blobId":"` + strings.Repeat("ef", 20) + `"}]}`, "names no commit"},
		"a login page":       {hub.Repo{Name: "lab/tiny"}, "<html>", "neither"},
		"too long":           {hub.Repo{Name: "lab/tiny"}, strings.Repeat(" ", hub.MaxListing+1), "the most is"},
	} {
		t.Run(name, func(t *testing.T) {
			h, c := serve(t, files(t))
			if test.answer != "" {
				h.Fault = func(w http.ResponseWriter, _ *http.Request, _ bool) bool {
					io.WriteString(w, test.answer)
					return true
				}
			}
			_, _, err := c.Listing(t.Context(), test.repo)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want one with %q", err, test.want)
			}
		})
	}
}

type source struct {
	t      testing.TB
	c      *Client
	commit string
}

func (s source) Bytes(f hub.File, offset, size int64) (io.ReadCloser, error) {
	return s.c.Bytes(s.t.Context(), "lab/tiny", s.commit, f, offset, size)
}

// sample takes a sample and opens what was saved.
func sample(t testing.TB, c *Client, draws int, seed attest.Hash) (*hub.Saved, *hub.Plan, error) {
	t.Helper()
	l, raw := listing(t, c)
	var b bytes.Buffer
	plan, err := hub.Save(&b, hub.About{Endpoint: c.Endpoint, Repo: "lab/tiny", Draws: draws}, raw, source{t, c, l.Revision},
		func() (attest.Hash, error) { return seed, nil }, nil)
	if err != nil {
		return nil, nil, err
	}
	saved, err := hub.OpenSaved(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return saved, plan, nil
}

func digest(t testing.TB, fsys fstest.MapFS) *model.Model {
	t.Helper()
	m, err := model.Digest(t.Context(), fsys, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestSample(t *testing.T) {
	fsys := files(t)
	m := digest(t, fsys)
	_, c := serve(t, fsys)
	saved, plan, err := sample(t, c, 20, attest.Hash{1})
	if err != nil {
		t.Fatal(err)
	}
	found, err := saved.Check(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	if found.ID != m.ID || len(found.Differs) > 0 || found.Tensors != 2 || found.Of != 3 || found.Bytes != 640000 || found.OfAll != 640004 {
		t.Errorf("found %+v, want modelID %s by 2 of 3 tensors", found, m.ID)
	}
	if plan.Tensors != found.Tensors || plan.Bytes != found.Bytes {
		t.Errorf("planned %d tensors, %d bytes; found %d, %d", plan.Tensors, plan.Bytes, found.Tensors, found.Bytes)
	}

	// The same tensors in one file are the same model.
	var one bytes.Buffer
	a, b := fsys["model-00001-of-00002.safetensors"].Data, fsys["model-00002-of-00002.safetensors"].Data
	a, b = a[8+binary.LittleEndian.Uint64(a):], b[8+binary.LittleEndian.Uint64(b):]
	if err := model.Write(&one, []model.TensorData{
		{Name: "a", DType: "U8", Shape: []uint64{320000}, Data: a},
		{Name: "b", DType: "U8", Shape: []uint64{320000}, Data: b[:320000]},
		{Name: "c", DType: "U8", Shape: []uint64{4}, Data: b[320000:]},
	}); err != nil {
		t.Fatal(err)
	}
	whole := files(t)
	for _, name := range []string{"model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"} {
		delete(whole, name)
	}
	whole["model.safetensors"] = &fstest.MapFile{Data: one.Bytes()}
	_, c = serve(t, whole)
	if saved, _, err = sample(t, c, 20, attest.Hash{1}); err != nil {
		t.Fatal(err)
	}
	if found, err = saved.Check(t.Context(), m); err != nil || found.ID != m.ID {
		t.Errorf("found %+v, %v in one file, want modelID %s", found, err, m.ID)
	}
}

func TestSampleFinds(t *testing.T) {
	m := digest(t, files(t))
	const second = "model-00002-of-00002.safetensors"
	for name, test := range map[string]struct {
		change func(fstest.MapFS)
		want   string // what differs; empty where such a sample cannot see it
	}{
		"a large tensor": {func(fsys fstest.MapFS) { fsys[second].Data[300000] ^= 1 }, `weights differs; tensor "b" differs`},
		"a tensor of four bytes, which was not drawn": {func(fsys fstest.MapFS) { data := fsys[second].Data; data[len(data)-1] ^= 1 }, ""},
		"a type": {func(fsys fstest.MapFS) {
			data := fsys[second].Data
			copy(data, bytes.Replace(bytes.Clone(data), []byte(`"dtype":"U8"`), []byte(`"dtype":"I8"`), 1))
		}, `weights differs; tensor "b" of another type or shape`},
		"a role":              {func(fsys fstest.MapFS) { fsys["config.json"].Data[5] = '2' }, "config differs"},
		"a role more":         {func(fsys fstest.MapFS) { fsys["chat_template.jinja"] = &fstest.MapFile{Data: []byte("x")} }, "chat-template added"},
		"a role less":         {func(fsys fstest.MapFS) { delete(fsys, "tokenizer.json") }, "tokenizer absent"},
		"a README, no matter": {func(fsys fstest.MapFS) { fsys["README.md"].Data[0] = 'H' }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := files(t)
			test.change(fsys)
			_, c := serve(t, fsys)
			saved, _, err := sample(t, c, 20, attest.Hash{1})
			if err != nil {
				t.Fatal(err)
			}
			found, err := saved.Check(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(found.Differs, "; "); got != test.want {
				t.Errorf("differs: %s; want %s", got, test.want)
			}
			if same := found.ID == m.ID; same != (test.want == "") {
				t.Errorf("modelID is the same: %v, though differs: %q", same, test.want)
			}
		})
	}
	// Published weights that are in no modelID.
	fsys := files(t)
	fsys["consolidated.00.pth"] = &fstest.MapFile{Data: []byte("more")}
	_, c := serve(t, fsys)
	saved, _, err := sample(t, c, 20, attest.Hash{1})
	if err != nil {
		t.Fatal(err)
	}
	if found, err := saved.Check(t.Context(), m); err != nil || len(found.Uncovered) != 1 {
		t.Errorf("found %+v, %v; want consolidated.00.pth uncovered", found, err)
	}
}

// A header of some megabytes is asked for in few requests, and with it no more.
func TestSampleRequests(t *testing.T) {
	var data []model.TensorData
	for i := range 10_000 {
		data = append(data, model.TensorData{Name: fmt.Sprint(i, strings.Repeat("n", 300)), DType: "U8", Shape: []uint64{1}, Data: []byte{byte(i)}})
	}
	var b bytes.Buffer
	if err := model.Write(&b, data); err != nil {
		t.Fatal(err)
	}
	h, c := serve(t, fstest.MapFS{"model.safetensors": {Data: b.Bytes()}})
	var requests atomic.Int32
	h.Fault = func(_ http.ResponseWriter, _ *http.Request, cdn bool) bool {
		if cdn {
			requests.Add(1)
		}
		return false
	}
	if _, _, err := sample(t, c, 1, attest.Hash{1}); err != nil {
		t.Fatal(err)
	}
	if n := requests.Load(); b.Len() < 3<<20 || n > 4 {
		t.Errorf("%d requests for a file of %d bytes", n, b.Len())
	}
}

// A server that sends other bytes than it lists of a file that is read in full is found
// out while it is read.
func TestSampleOfOtherBytes(t *testing.T) {
	h, c := serve(t, files(t))
	h.Served = map[string][]byte{"config.json": []byte(`{"a":2}`)}
	if _, _, err := sample(t, c, 20, attest.Hash{1}); err == nil || !strings.Contains(err.Error(), `"config.json": other bytes came`) && !errors.Is(err, hub.ErrDiffers) {
		t.Errorf("error is %v, want one about other bytes", err)
	}
}

// The seed is asked for when nothing of the listing and the headers can change any more.
func TestSeedIsLast(t *testing.T) {
	h, c := serve(t, files(t))
	l, raw := listing(t, c)
	drawn := false
	h.Fault = func(w http.ResponseWriter, r *http.Request, cdn bool) bool {
		if strings.HasPrefix(r.Header.Get("Range"), "bytes=0-") && cdn && drawn {
			t.Errorf("header of %s read after the draw", r.URL.Path)
		}
		return false
	}
	_, err := hub.Save(io.Discard, hub.About{Repo: "lab/tiny", Draws: 3}, raw, source{t, c, l.Revision}, func() (attest.Hash, error) {
		drawn = true
		return attest.Hash{}, nil
	}, nil)
	if err != nil || !drawn {
		t.Errorf("drawn: %v, %v", drawn, err)
	}
}

// Whoever sits between could send anything once a redirect leads out of TLS. Nothing is
// asked there, and the hub is not asked again.
func TestRedirectOutOfTLS(t *testing.T) {
	plainly := 0
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { plainly++ }))
	defer plain.Close()
	for location, want := range map[string]string{
		plain.URL + "/blob?signature=of": "redirect from https to http, which is not encrypted",
		"ftp://hub.example/blob":         "redirect from https to ftp, which is not encrypted",
		"file:///etc/passwd":             "redirect from https to file, which is not encrypted",
	} {
		asked := 0
		secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked++
			http.Redirect(w, r, location, http.StatusFound)
		}))
		c := &Client{Endpoint: secure.URL, Token: "secret", Transport: secure.Client().Transport}
		_, _, err := c.Listing(t.Context(), hub.Repo{Name: "lab/tiny"})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "signature") {
			t.Errorf("redirect to %s: error is %v, want %q", location, err, want)
		}
		size := uint64(3)
		if _, err := c.Bytes(t.Context(), "lab/tiny", strings.Repeat("ab", 20), hub.File{Path: "a", Size: &size}, 0, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("redirect of a file to %s: error is %v, want %q", location, err, want)
		}
		secure.Close()
		if asked != 2 || plainly != 0 {
			t.Errorf("redirect to %s: the hub was asked %d times, the other host %d; want 2 and 0", location, asked, plainly)
		}
	}
}

// From one host to another under TLS is how a hub hands out large files.
func TestRedirectUnderTLS(t *testing.T) {
	cdn := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the token went to another host")
		}
		io.WriteString(w, "abc")
	}))
	defer cdn.Close()
	secure := httptest.NewTLSServer(http.RedirectHandler(cdn.URL+"/blob", http.StatusFound))
	defer secure.Close()
	size := uint64(3)
	c := &Client{Endpoint: secure.URL, Token: "secret", Transport: cdn.Client().Transport} // both have httptest's certificate
	body, err := c.Bytes(t.Context(), "lab/tiny", strings.Repeat("ab", 20), hub.File{Path: "a", Size: &size}, 0, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if got, err := io.ReadAll(body); err != nil || string(got) != "abc" {
		t.Errorf("got %q, %v", got, err)
	}
}

// What is there beside the listed files would make another package: it is named.
func TestDownloadBesideOthers(t *testing.T) {
	h, c := serve(t, files(t))
	l, _ := listing(t, c)
	for _, extra := range []string{"consolidated.pth", "sub/config.json", "model.safetensors.bak"} {
		dir := filepath.Join(t.TempDir(), "tiny")
		// Interrupted, so that the directory is this download's; then somebody adds a file.
		h.Fault = func(w http.ResponseWriter, r *http.Request, cdn bool) bool { return cdn && r.URL.Path != "" && fail(w) }
		if err := c.Download(t.Context(), l.Repo, l, dir, nil); err == nil {
			t.Fatal("a download without answers ended well")
		}
		h.Fault = nil
		name := filepath.Join(dir, filepath.FromSlash(extra))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte("more"), 0o644)); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("%q is there, and not listed: remove it", extra)
		if err := c.Download(t.Context(), l.Repo, l, dir, nil); err == nil || err.Error() != want {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}

func fail(w http.ResponseWriter) bool {
	w.WriteHeader(http.StatusForbidden)
	return true
}

func TestDownload(t *testing.T) {
	fsys := files(t)
	h, c := serve(t, fsys)
	l, _ := listing(t, c)
	dir := filepath.Join(t.TempDir(), "tiny")

	// The connection breaks in the middle of the second shard; the next run goes on.
	var mu sync.Mutex // guards the following
	var ranges []string
	back := false // the network is
	h.Fault = func(w http.ResponseWriter, r *http.Request, cdn bool) bool {
		if !cdn || !strings.Contains(r.URL.Path, "00002-of") {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		ranges = append(ranges, r.Header.Get("Range"))
		if back {
			return false
		}
		if len(ranges) > 1 {
			panic(http.ErrAbortHandler)
		}
		w.Write(fsys["model-00002-of-00002.safetensors"].Data[:200000])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	if err := c.Download(t.Context(), l.Repo, l, dir, nil); err == nil {
		t.Fatal("a broken connection was taken for an end")
	}
	mu.Lock()
	back, ranges = true, ranges[:1]
	mu.Unlock()
	if _, err := os.Stat(filepath.Join(dir, "model-00002-of-00002.safetensors")); err == nil {
		t.Error("half a file stands under the name of the whole")
	}
	other := *l
	other.Revision = strings.Repeat("ab", 20)
	if err := c.Download(t.Context(), l.Repo, &other, dir, nil); err == nil || !strings.Contains(err.Error(), "holds part of lab/tiny@0123") {
		t.Errorf("error is %v, want that it is another commit's", err)
	}
	var last [2]int64
	if err := c.Download(t.Context(), l.Repo, l, dir, func(read, total int64) { last = [2]int64{read, total} }); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(ranges) != 2 || !strings.HasPrefix(ranges[1], "bytes=") || ranges[1] == "bytes=0-" {
		t.Errorf("asked for %q, want a range the second time", ranges)
	}
	if last[0] != last[1] || last[0] == 0 {
		t.Errorf("progress ends at %d of %d", last[0], last[1])
	}
	d, err := model.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	got, err := model.Digest(t.Context(), d, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := digest(t, fsys); got.ID != want.ID || got.Package != want.Package {
		t.Errorf("modelID %s, package %s; want %s, %s", got.ID, got.Package, want.ID, want.Package)
	}
	if _, err := os.Stat(filepath.Join(dir, ".cache")); err == nil {
		t.Error(".cache is left")
	}
	if err := c.Download(t.Context(), l.Repo, l, dir, nil); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("error is %v, want that the directory is not empty", err)
	}
}

// Other bytes than the listed ones never stand under the file's name, however often one
// tries.
func TestDownloadOfOtherBytes(t *testing.T) {
	fsys := files(t)
	h, c := serve(t, fsys)
	l, _ := listing(t, c)
	const name = "model-00001-of-00002.safetensors"
	forged := bytes.Clone(fsys[name].Data)
	forged[len(forged)-1] ^= 1
	h.Served = map[string][]byte{name: forged}
	dir := filepath.Join(t.TempDir(), "tiny")
	for range 3 {
		if err := c.Download(t.Context(), l.Repo, l, dir, nil); !errors.Is(err, hub.ErrDiffers) {
			t.Fatalf("error is %v, want that the bytes differ", err)
		}
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Fatal("forged bytes stand under the file's name")
		}
	}
	h.Served = nil
	if err := c.Download(t.Context(), l.Repo, l, dir, nil); err != nil {
		t.Error(err)
	}
}

func TestDownloadRefusesNames(t *testing.T) {
	_, c := serve(t, files(t))
	for _, names := range [][]string{{".git/hooks/post-checkout"}, {".cache/x"}, {`a\b`}, {"c:x"}, {"a", "A"}} {
		l := &hub.Listing{Revision: strings.Repeat("ab", 20)}
		size, hash := uint64(0), attest.Hash{}
		for _, n := range names {
			l.Files = append(l.Files, hub.File{Path: n, Size: &size, SHA256: &hash})
		}
		if err := c.Download(t.Context(), "lab/tiny", l, t.TempDir(), nil); err == nil || errors.Is(err, hub.ErrDiffers) {
			t.Errorf("names %q: error is %v, want that they are refused", names, err)
		}
	}
}
