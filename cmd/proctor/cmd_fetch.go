package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest/hub"
	"github.com/proctor-attest/proctor/ledger/durable"
)

const (
	maxRound = 1 << 16
	maxFetch = 16 << 30
)

func (e *env) cmdFetch() *cli.Command {
	return &cli.Command{
		Name:      "fetch",
		Usage:     "save a beacon round, an evidence pack or a published model from the network",
		ArgsUsage: "URL|BEACON[/ROUND]|hf:ORG/NAME[@COMMIT]",
		Description: "\"proctor fetch quicknet\" saves drand's newest round, after checking it, where\n" +
			"\"proctor head\" finds it; \"quicknet/1000\" a particular one; the URLs that\n" +
			"your policy has for the beacon are tried in turn. A URL ending in .proctor\n" +
			"saves a pack. Of a model repository on the Hugging Face Hub (or the hub at $HF_ENDPOINT,\n" +
			"with the token in $HF_TOKEN), --tier 1 saves the listing, 3 a sample of its tensors, 4 all\n" +
			"files (\"proctor help hub\"). verify and its like never open a socket: they read what\n" +
			"fetch saved.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "save as `FILE`"},
			&cli.StringFlag{Name: "policy", Usage: "the policy, a `FILE`, whose beacons are meant (default: the home's)"},
			&cli.IntFlag{Name: "tier", Usage: "how much of a model to save: `1`, 3 or 4", Value: 1},
			&cli.IntFlag{Name: "draws", Usage: "how many bytes to draw, each with the tensor that holds it, for a sample", Value: 149},
			weightsFlag(),
			&cli.DurationFlag{Name: "timeout", Usage: "give up after `DURATION`", Value: time.Minute},
			quietFlag(),
		},
		Action: e.runFetch,
	}
}

func (e *env) runFetch(c *cli.Context) error {
	arg, err := oneArg(c, "what to fetch")
	if err != nil {
		return err
	}
	if strings.HasPrefix(arg, hub.Scheme) {
		return e.fetchModel(c, arg)
	}
	if !strings.Contains(arg, "://") {
		return e.fetchNamedRound(c, arg)
	}
	target, err := url.Parse(arg)
	if err != nil || target.Scheme != "https" && target.Scheme != "http" {
		return usagef("%q is not an http or https URL", arg)
	}
	switch {
	case roundPath.MatchString(target.Path):
		return e.fetchRound(c, target)
	case strings.HasSuffix(target.Path, "/info"):
		return e.fetchFile(c, target, maxRound, func(data []byte) error {
			_, err := parseBeaconInfo(data)
			return err
		})
	case strings.HasSuffix(target.Path, packSuffix):
		return e.fetchPack(c, target)
	}
	return withHint(usagef("%s: neither a beacon round nor an evidence pack", arg),
		"want a beacon of your policy such as quicknet, a drand URL such as https://api.drand.sh/CHAIN/public/latest, or a URL ending in .proctor")
}

func (e *env) fetchFile(c *cli.Context, target *url.URL, limit int64, check func([]byte) error) error {
	out, err := fetchedName(c, target)
	if err != nil {
		return err
	}
	data, err := e.get(c, target, limit)
	if err != nil {
		return err
	}
	if err := check(data); err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	if err := durable.WriteFile(out, data, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "saved     %s\n", out)
	return nil
}

func fetchedName(c *cli.Context, target *url.URL) (string, error) {
	out := c.String("out")
	if out == "" {
		out = path.Base(target.Path)
	}
	return out, newFile(out)
}

// fetchPack streams a pack to disk and keeps it if it can be read as one.
func (e *env) fetchPack(c *cli.Context, target *url.URL) error {
	out, err := fetchedName(c, target)
	if err != nil {
		return err
	}
	body, total, err := e.open(c, target)
	if err != nil {
		return err
	}
	defer body.Close()
	bar := e.progress(c, "fetching "+path.Base(target.Path), total)
	part := out + ".part"
	defer os.Remove(part)
	err = durable.Write(part, 0o644, func(w io.Writer) error {
		n, err := io.Copy(w, &counted{r: io.LimitReader(body, maxFetch+1), bar: bar, total: total})
		if err == nil && n > maxFetch {
			err = fmt.Errorf("more than %d bytes", int64(maxFetch))
		}
		return err
	})
	bar.done()
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	_, done, err := openPack(part)
	if err != nil {
		return err
	}
	done()
	if err := os.Rename(part, out); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "saved     %s\n", out)
	return nil
}

type counted struct {
	r     io.Reader
	n     int64
	total int64
	bar   *bar
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	c.bar.bytes(c.n, c.total)
	return n, err
}

func (e *env) get(c *cli.Context, target *url.URL, limit int64) ([]byte, error) {
	body, _, err := e.open(c, target)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", target, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: more than %d bytes", target, limit)
	}
	return data, nil
}

func (e *env) open(c *cli.Context, target *url.URL) (io.ReadCloser, int64, error) {
	request, err := http.NewRequestWithContext(c.Context, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("User-Agent", "proctor/"+version)
	client := &http.Client{Timeout: c.Duration("timeout")}
	response, err := client.Do(request)
	if err != nil {
		var timeout interface{ Timeout() bool }
		if errors.As(err, &timeout) && timeout.Timeout() {
			return nil, 0, withHint(err, "--timeout allows more")
		}
		return nil, 0, err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		return nil, 0, statusError(target, response)
	}
	return response.Body, response.ContentLength, nil
}
