package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/signing"
	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/durable"
	"github.com/proctor-attest/proctor/verify"
)

const (
	tokenSuffix = ".tsr"
	maxTokens   = 1 << 20          // bytes of all tokens of a statement
	tokenTime   = 20 * time.Second // that an authority may take
)

func tsaFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "tsa", Usage: "have the timestamp authority at `URL` date it too; repeatable (default: those in config.toml)"}
}

// checkToken is verify.Options.CheckToken for the authorities of a policy.
func checkToken(policy *verify.Policy) (func(token, message []byte, by *verify.TSA) (time.Time, error), error) {
	authorities := map[string]*signing.Authority{}
	for _, t := range policy.TSAs {
		a, err := signing.ParseAuthority([]byte(t.Chain), t.OID)
		if err != nil {
			return nil, fmt.Errorf("tsa %q: %w", t.Name, err)
		}
		authorities[t.Name] = a
	}
	return func(token, message []byte, by *verify.TSA) (time.Time, error) {
		t, err := authorities[by.Name].Check(token, message)
		if errors.Is(err, signing.ErrOtherBytes) {
			return time.Time{}, verify.ErrOtherBytes
		}
		if err != nil {
			return time.Time{}, err
		}
		return t.NotAfter(), nil
	}, nil
}

// tsaURLs are the authorities of the command line, else those of the configuration.
func (h *home) tsaURLs(c *cli.Context) ([]string, error) {
	list, from := c.StringSlice("tsa"), "--tsa"
	if len(list) == 0 {
		list, from = h.config.TSA, h.path(configFile)+": tsa"
	}
	for _, s := range list {
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return nil, usagef("%s %q: want the URL of a timestamp authority", from, s)
		}
	}
	return list, nil
}

// stamp has the authorities date the checkpoint of a logged statement. One that is down
// holds nothing up: the token can be had later.
func (s *issuing) stamp(ctx context.Context, entry *attest.Entry) {
	message, _, err := messageOf(entry, overCheckpoint)
	if err != nil {
		return // it is proven: there is one
	}
	for _, from := range s.tsas {
		added, err := addToken(ctx, entry, from, message)
		if err != nil {
			fmt.Fprintf(s.env.stderr, "no timestamp: %s\nthe statement is logged all the same; to ask again: proctor timestamp %s --tsa %s\n",
				printable(err.Error()), entry.Statement.ID.Short(), printable(from))
			continue
		}
		s.env.note(s.cmd, "%s", s.tokenNote(added, from, message))
	}
}

// tokenNote says what a token dates, and for whom.
func (h *home) tokenNote(token []byte, from string, message []byte) string {
	t, err := signing.ParseToken(token)
	if err != nil {
		return err.Error()
	}
	text := fmt.Sprintf("timestamp %s by %s", t.NotAfter().Format(time.RFC3339), from)
	policy, err := h.policy()
	if err != nil {
		return text
	}
	check, err := checkToken(policy)
	if err != nil {
		return text
	}
	for i := range policy.TSAs {
		if _, err := check(token, message, &policy.TSAs[i]); err == nil {
			return text + ", whom your policy knows as " + policy.TSAs[i].Name
		}
	}
	return text + `; your policy knows no authority that made it ("proctor help time")`
}

// What a token can be over.
const (
	overCheckpoint = "checkpoint"
	overPayload    = "payload"
)

// messageOf is what an authority dates of a statement, and what to call it.
func messageOf(entry *attest.Entry, over string) (message []byte, name string, err error) {
	switch over {
	case overPayload:
		return entry.Bundle.Payload, "payload", nil
	case overCheckpoint:
		p, err := ledger.ParseProof(entry.Proof)
		if err != nil {
			return nil, "", err
		}
		c, err := ledger.ParseCheckpoint(p.Checkpoint)
		if err != nil {
			return nil, "", err
		}
		return p.Checkpoint, fmt.Sprintf("checkpoint %d of %s", c.Size, c.Origin), nil
	}
	return nil, "", usagef("--over %q: want %s or %s", over, overCheckpoint, overPayload)
}

// addToken gets a token and puts it beside the statement. Of two by one signer over the
// same the older stays: it says more.
func addToken(ctx context.Context, entry *attest.Entry, from string, message []byte) ([]byte, error) {
	client := &http.Client{Timeout: tokenTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	token, err := signing.RequestToken(ctx, client, from, message)
	if err != nil {
		return nil, err
	}
	t, err := signing.ParseToken(token)
	if err != nil {
		return nil, err
	}
	if len(entry.Timestamp) > 0 {
		have, err := attest.SplitTokens(entry.Timestamp)
		if err != nil {
			return nil, fmt.Errorf("the tokens that are there: %w", err)
		}
		for _, h := range have {
			if o, err := signing.ParseToken(h); err == nil && o.Signer == t.Signer && bytes.Equal(o.Imprint, t.Imprint) {
				return h, nil
			}
		}
	}
	all := append(bytes.Clone(entry.Timestamp), token...)
	if _, err := attest.SplitTokens(all); err != nil {
		return nil, err
	}
	entry.Timestamp = all
	return token, nil
}

// keepTokens writes the tokens of an own statement beside its proof.
func (h *home) keepTokens(entry *attest.Entry) error {
	if len(entry.Timestamp) == 0 {
		return nil
	}
	if err := durable.WriteFile(h.path(statementsDir, tokensName(entryName(entry))), entry.Timestamp, 0o644); err != nil {
		return fmt.Errorf("keeping the timestamp: %w", err)
	}
	return nil
}

func tokensName(entry string) string {
	return strings.TrimSuffix(entry, ".sigstore.json") + tokenSuffix
}

// readTokens reads what keepTokens wrote; nil if there is none.
func readTokens(entry string) ([]byte, error) {
	data, err := readLimited(tokensName(entry), maxTokens)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}
