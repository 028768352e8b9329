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
)

const (
	maxRedirects = 5
	attempts     = 4

	// maxWait is as long as the Hub counts requests, and a little more.
	maxWait = 310 * time.Second

	// What the Hub says of a file in Git LFS, or in Xet, in its own answer.
	linkedETag = "X-Linked-Etag" // its SHA-256
	linkedSize = "X-Linked-Size"
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
	if c.Waiting != nil {
		c.Waiting(d)
	}
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
		for _, name := range []string{linkedETag, linkedSize, repoCommit} {
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

// wait says how long to wait before asking again; negative: never, 0: it is not said.
func (c *Client) wait(r *http.Response) time.Duration {
	if r.StatusCode != http.StatusTooManyRequests && r.StatusCode/100 != 5 {
		return -1
	}
	said := r.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(said, 10, 16); err == nil {
		return time.Duration(seconds) * time.Second
	}
	// A date is compared with the server's own, not with this machine's clock.
	if until, err := http.ParseTime(said); err == nil {
		if now, err := http.ParseTime(r.Header.Get("Date")); err == nil {
			return max(until.Sub(now), 0)
		}
	}
	return untilReset(r.Header.Get("RateLimit"))
}

// untilReset reads when requests are counted anew, as the Hub says in a header
// (draft-ietf-httpapi-ratelimit-headers): "resolvers";r=0;t=55.
func untilReset(header string) time.Duration {
	for _, parameter := range strings.Split(header, ";") {
		if text, ok := strings.CutPrefix(strings.TrimSpace(parameter), "t="); ok {
			if seconds, err := strconv.ParseUint(text, 10, 16); err == nil {
				return time.Duration(seconds) * time.Second
			}
		}
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
