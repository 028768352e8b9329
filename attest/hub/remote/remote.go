// Package remote gets listings and files from a model hub over HTTP, as the Hugging Face
// Hub serves them. It opens sockets: only what is meant to may import it.
//
// It promises that what it returns of a file is what was asked for in length and place,
// and says so where a server sends other bytes, less, or more; that a token goes to the
// hub alone, not to the hosts that the hub redirects to; and that nothing is read beyond
// the limits of package hub. Hashes are compared where a file is read in full.
package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/proctor-attest/proctor/attest/hub"
)

// DefaultEndpoint is the Hugging Face Hub.
const DefaultEndpoint = "https://huggingface.co"

const (
	maxRedirects = 5
	attempts     = 4
	maxWait      = time.Minute
)

// Client talks to one hub. Its zero value, with an Endpoint, is ready.
type Client struct {
	Endpoint  string // such as DefaultEndpoint
	Token     string // of a user; empty for none
	UserAgent string

	// Stall is how long the next byte may take; zero: a minute.
	Stall time.Duration

	// Transport makes the requests; nil: http.DefaultTransport.
	Transport http.RoundTripper

	// Sleep waits between attempts; nil: until the time is over or ctx ends.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Listing gets the listing of a repository at its revision, and returns it as it came
// too.
func (c *Client) Listing(ctx context.Context, repo hub.Repo) (*hub.Listing, []byte, error) {
	target := c.Endpoint + "/api/models/" + repo.Name
	if repo.Revision != "" {
		target += "/revision/" + url.PathEscape(repo.Revision)
	}
	response, err := c.get(ctx, target+"?blobs=true", "")
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", repo, err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, hub.MaxListing+1))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", repo, err)
	}
	l, err := hub.Parse("", data)
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("%s: %w", repo, err)
	case l.Kind != hub.KindAPI || l.Revision == "":
		return nil, nil, fmt.Errorf("%s: the hub's answer names no commit", repo)
	case hub.IsCommit(repo.Revision) && l.Revision != repo.Revision:
		return nil, nil, fmt.Errorf("%s: the hub answers for commit %s", repo, l.Revision)
	}
	return l, data, nil
}

// Bytes gets size bytes of a listed file of a repository at a commit, from an offset on.
// The reader fails unless exactly these come.
func (c *Client) Bytes(ctx context.Context, name, commit string, f hub.File, offset, size int64) (io.ReadCloser, error) {
	body, err := c.bytes(ctx, name, commit, f, offset, size)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", f.Path, err)
	}
	return body, nil
}

func (c *Client) bytes(ctx context.Context, name, commit string, f hub.File, offset, size int64) (io.ReadCloser, error) {
	if size == 0 {
		return io.NopCloser(strings.NewReader("")), nil
	}
	whole := f.Size != nil && offset == 0 && size == int64(*f.Size)
	want := ""
	if !whole {
		want = fmt.Sprintf("bytes=%d-%d", offset, offset+size-1)
	}
	response, err := c.get(ctx, c.Endpoint+"/"+name+"/resolve/"+commit+"/"+escapePath(f.Path), want)
	if err == nil {
		if err = checkAnswer(response, commit, f, offset, size, whole); err != nil {
			response.Body.Close()
		}
	}
	if err != nil {
		return nil, err
	}
	body := &exact{body: response.Body, left: size, offset: offset}
	if whole {
		return hub.Checked(f, body), nil
	}
	return body, nil
}

func escapePath(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

// checkAnswer compares what a server says of its answer with what was asked for and
// listed.
func checkAnswer(r *http.Response, commit string, f hub.File, offset, size int64, whole bool) error {
	if got := r.Header.Get(linkedETag); got != "" && f.SHA256 != nil && etag(got) != f.SHA256.String() {
		return fmt.Errorf("the hub serves a file with etag %.80s, and lists SHA-256 %s", etag(got), f.SHA256)
	}
	if got := r.Header.Get(repoCommit); got != "" && got != commit {
		return fmt.Errorf("the hub answers for commit %.80q, asked for %s", got, commit)
	}
	if got := r.Header.Get("Content-Encoding"); got != "" && got != "identity" {
		return fmt.Errorf("the server encodes what it sends (%.40q), and was asked not to", got)
	}
	switch {
	case whole && r.StatusCode == http.StatusOK:
		if r.ContentLength >= 0 && r.ContentLength != size {
			return fmt.Errorf("the server sends %d bytes, the file is listed with %d", r.ContentLength, size)
		}
	case r.StatusCode == http.StatusOK:
		return errors.New("the server sends the whole file instead of a range (a proxy that ignores Range?)")
	case whole || r.StatusCode != http.StatusPartialContent:
		return fmt.Errorf("the server answers %d", r.StatusCode)
	default:
		want := fmt.Sprintf("bytes %d-%d/", offset, offset+size-1)
		total := ""
		if f.Size != nil {
			total = strconv.FormatUint(*f.Size, 10)
		}
		got, ok := strings.CutPrefix(r.Header.Get("Content-Range"), want)
		if !ok || got != "*" && total != "" && got != total {
			return fmt.Errorf("the server sends the range %.80q, asked for \"%s%s\"", r.Header.Get("Content-Range"), want, total)
		}
		if r.ContentLength >= 0 && r.ContentLength != size {
			return fmt.Errorf("the server sends %d bytes of a range of %d", r.ContentLength, size)
		}
	}
	return nil
}

// etag takes the quotes and the mark of a weak etag off.
func etag(s string) string { return strings.Trim(strings.TrimPrefix(s, "W/"), `"`) }

// exact fails unless so many bytes come, and no more.
type exact struct {
	body         io.ReadCloser
	left, offset int64
}

func (e *exact) Read(p []byte) (int, error) {
	if e.left == 0 {
		var one [1]byte
		if n, _ := io.ReadFull(e.body, one[:]); n > 0 {
			return 0, errors.New("the server sends more than it said")
		}
		return 0, io.EOF
	}
	n, err := e.body.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	e.offset += int64(n)
	if err == io.EOF && e.left > 0 || errors.Is(err, io.ErrUnexpectedEOF) {
		return n, fmt.Errorf("the answer ends at byte %d, %d are missing", e.offset, e.left)
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}

func (e *exact) Close() error { return e.body.Close() }

const (
	linkedETag = "X-Linked-Etag"
	repoCommit = "X-Repo-Commit"
)

// get asks until there is an answer that says something. It follows redirects itself:
// what the hub says of a file stands in its own answer, not in that of the host where
// the bytes are.
func (c *Client) get(ctx context.Context, target, byteRange string) (*http.Response, error) {
	for attempt := 1; ; attempt++ {
		response, wait, err := c.follow(ctx, target, byteRange)
		if err == nil || wait < 0 || attempt == attempts {
			return response, err
		}
		if wait == 0 {
			wait = time.Second << attempt
		}
		if err := c.sleep(ctx, min(wait, maxWait)); err != nil {
			return nil, err
		}
	}
}

func (c *Client) sleep(ctx context.Context, d time.Duration) error {
	if c.Sleep != nil {
		return c.Sleep(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// follow asks once. wait is negative where asking again is of no use.
func (c *Client) follow(ctx context.Context, target, byteRange string) (_ *http.Response, wait time.Duration, err error) {
	hubURL, err := url.Parse(c.Endpoint)
	if err != nil {
		return nil, -1, err
	}
	at, err := url.Parse(target)
	if err != nil {
		return nil, -1, err
	}
	said := http.Header{}
	for range maxRedirects {
		response, err := c.once(ctx, at, byteRange, at.Host == hubURL.Host && at.Scheme == hubURL.Scheme)
		if err != nil {
			return nil, 0, err
		}
		for _, name := range []string{linkedETag, repoCommit} {
			if v := response.Header.Get(name); v != "" && at.Host == hubURL.Host {
				said.Set(name, v)
			}
		}
		if location := response.Header.Get("Location"); location != "" && response.StatusCode/100 == 3 {
			response.Body.Close()
			next, err := at.Parse(location)
			if err != nil {
				return nil, -1, fmt.Errorf("redirect to %.200q: %w", location, err)
			}
			if next.Scheme != "https" && next.Scheme != hubURL.Scheme || next.Scheme != "https" && next.Scheme != "http" {
				return nil, -1, fmt.Errorf("redirect from %s to %s, which is not encrypted", at.Scheme, next.Scheme)
			}
			at = next
			continue
		}
		if response.StatusCode/100 == 2 {
			for name := range said {
				response.Header.Set(name, said.Get(name))
			}
			return response, 0, nil
		}
		defer response.Body.Close()
		return nil, c.wait(response), c.statusError(at, response)
	}
	return nil, -1, fmt.Errorf("more than %d redirects", maxRedirects)
}

func (c *Client) once(ctx context.Context, at *url.URL, byteRange string, isHub bool) (*http.Response, error) {
	stall := c.Stall
	if stall == 0 {
		stall = time.Minute
	}
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(stall, func() { cancel(fmt.Errorf("no byte came for %s", stall)) })
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", c.UserAgent)
	request.Header.Set("Accept-Encoding", "identity")
	if byteRange != "" {
		request.Header.Set("Range", byteRange)
	}
	if c.Token != "" && isHub {
		request.Header.Set("Authorization", "Bearer "+c.Token)
	}
	client := http.Client{Transport: c.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		timer.Stop()
		if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
			err = cause
		}
		cancel(nil)
		var of *url.Error
		if errors.As(err, &of) {
			err = of.Err // it has the URL in it, whose query lets others in
		}
		return nil, fmt.Errorf("%s: %w", at.Host, err)
	}
	timer.Stop()
	response.Body = &patient{response.Body, ctx, cancel, timer, stall}
	return response, nil
}

// patient gives up when no byte comes for a while, however long the whole takes.
type patient struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	stall  time.Duration
}

func (p *patient) Read(b []byte) (int, error) {
	p.timer.Reset(p.stall)
	n, err := p.ReadCloser.Read(b)
	p.timer.Stop() // whoever reads may be slow
	if cause := context.Cause(p.ctx); err != nil && err != io.EOF && cause != nil {
		err = cause
	}
	return n, err
}

func (p *patient) Close() error {
	p.timer.Stop()
	err := p.ReadCloser.Close()
	p.cancel(nil)
	return err
}

// wait says how long to wait before asking again; negative: never.
func (c *Client) wait(r *http.Response) time.Duration {
	if r.StatusCode != http.StatusTooManyRequests && r.StatusCode/100 != 5 {
		return -1
	}
	if seconds, err := strconv.Atoi(r.Header.Get("Retry-After")); err == nil && seconds > 0 {
		return min(time.Duration(seconds), maxWait/time.Second) * time.Second
	}
	return 0
}

// StatusError is an answer that is none.
type StatusError struct {
	Status int
	Host   string
	Code   string // such as RepoNotFound; empty where the hub gives none
	Said   string // the server's own words
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("%s answers %d %s", e.Host, e.Status, http.StatusText(e.Status))
	if e.Code != "" {
		text += ", " + e.Code
	}
	if e.Said != "" {
		text += fmt.Sprintf(": %q", e.Said)
	}
	return text
}

func (c *Client) statusError(at *url.URL, r *http.Response) error {
	e := &StatusError{Status: r.StatusCode, Host: at.Host, Code: r.Header.Get("X-Error-Code"), Said: r.Header.Get("X-Error-Message")}
	data, _ := io.ReadAll(io.LimitReader(r.Body, 1<<12))
	var said struct {
		Error string `json:"error"`
	}
	if e.Said == "" && json.Unmarshal(data, &said) == nil {
		e.Said = said.Error
	}
	if len(e.Said) > 200 {
		e.Said = e.Said[:200]
	}
	return e
}
