package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/signing"
	"github.com/proctor-attest/proctor/ledger"
)

// tokenSays is what a token says of itself.
type tokenSays struct {
	From     int       `json:"from"` // its first byte in the file
	Size     int       `json:"size"`
	Time     time.Time `json:"time"`
	Accuracy string    `json:"accuracy,omitempty"`
	Hash     string    `json:"hash"`
	Imprint  string    `json:"imprint"`
	Over     string    `json:"over,omitempty"` // what beside the file has that hash
	Policy   string    `json:"policy"`
	Serial   string    `json:"serial"`
	Signer   string    `json:"signer"`
}

// inspectTokens shows the tokens of a .tsr file, and what beside it they are over.
func (e *env) inspectTokens(c *cli.Context, name string) (bool, error) {
	if filepath.Ext(name) != tokenSuffix {
		return false, nil
	}
	data, err := readLimited(name, maxTokens)
	if err != nil {
		return true, err
	}
	files, err := attest.SplitTokens(data)
	if err != nil {
		return true, fmt.Errorf("%s: %w", name, err)
	}
	var tokens []tokenSays
	from := 0
	for i, f := range files {
		t, err := signing.ParseToken(f)
		if err != nil {
			return true, fmt.Errorf("%s: token %d: %w", name, i+1, err)
		}
		s := tokenSays{
			From: from, Size: len(f), Time: t.Time, Hash: t.Hash.String(), Imprint: hex.EncodeToString(t.Imprint),
			Over: besideToken(name, t), Policy: t.Policy, Serial: t.Serial, Signer: t.Signer,
		}
		if t.Accuracy > 0 {
			s.Accuracy = t.Accuracy.String()
		}
		tokens = append(tokens, s)
		from += len(f)
	}
	if c.Bool("json") {
		text, err := json.Marshal(map[string]any{"tokens": tokens})
		if err != nil {
			return true, err
		}
		_, err = fmt.Fprintf(e.stdout, "%s\n", text)
		return true, err
	}
	fmt.Fprintln(e.stderr, "What follows is what the tokens say. Nothing was verified.")
	for i, t := range tokens {
		fmt.Fprintf(e.stdout, "token %d, %d bytes from byte %d on\n  time    %s%s\n  over    %s %s\n", i+1, t.Size, t.From, t.Time.Format(time.RFC3339), giveOrTake(t.Accuracy), t.Hash, t.Imprint)
		if t.Over != "" {
			fmt.Fprintf(e.stdout, "          that is the %s\n", printable(t.Over))
		}
		fmt.Fprintf(e.stdout, "  policy  %s\n  serial  %s\n  signer  %s\n", t.Policy, t.Serial, printable(t.Signer))
	}
	return true, nil
}

func giveOrTake(accuracy string) string {
	if accuracy == "" {
		return ""
	}
	return ", give or take " + accuracy
}

// besideToken says what of the statement that lies beside a token it is over.
func besideToken(name string, t *signing.Token) string {
	stem := strings.TrimSuffix(name, tokenSuffix)
	if data, err := readLimited(stem+".tlog-proof", 1<<20); err == nil {
		if p, err := ledger.ParseProof(data); err == nil && t.Covers(p.Checkpoint) {
			return "signed checkpoint in " + filepath.Base(stem) + ".tlog-proof"
		}
	}
	if entry, err := readEntry(stem + ".sigstore.json"); err == nil && t.Covers(entry.Bundle.Payload) {
		return "payload of " + filepath.Base(stem) + ".sigstore.json"
	}
	return ""
}
