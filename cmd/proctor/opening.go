package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/testset"
	"github.com/proctor-attest/proctor/ledger/durable"
)

// maxLoggedOpening bounds what an evidence pack carries: openings of whole large sets
// are for evaluators, and go as files.
const maxLoggedOpening = 1 << 30

// logOpening logs that items are open, to everybody or to holders. Its pack carries
// the opened items, encrypted or plain.
func (e *env) logOpening(c *cli.Context, h *home, from *attest.Pack, entry *attest.Entry, set *attest.Testset, o *opening) error {
	if set.Issuer != h.config.Issuer {
		return fmt.Errorf("the test set is %s's, and you are %s: an owner opens its own", set.Issuer, h.config.Issuer)
	}
	holders, recipients, err := parseHolders(c.StringSlice("to"))
	if err != nil {
		return err
	}
	p := &attest.Opening{
		Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleTestset, ID: entry.Statement.ID}}},
		OpenedItems: &attest.OpenedItems{
			SetID: set.SetID, Name: set.Name, Version: set.Version, Opened: uint64(len(o.indexes)), Fields: set.Fields,
		},
	}
	if o.fields != nil {
		p.Fields = o.fields
	}
	plain := &limitedBuffer{limit: maxLoggedOpening}
	if err := o.writeTo(c, plain); err != nil {
		return err
	}
	pack := attest.NewPack()
	pack.Entries[entry.Statement.ID] = from.Entries[entry.Statement.ID]
	p.Opening = pack.AddArtifact(plain.Bytes(), testset.OpeningMediaType, openingName(set))
	if len(holders) > 0 {
		pack.RemoveArtifact(p.Opening.SHA256)
		cipher, err := encrypt(plain.Bytes(), recipients)
		if err != nil {
			return err
		}
		p.Encrypted = &attest.Encrypted{File: pack.AddArtifact(cipher, "application/age", openingName(set)+".age"), Holders: holders}
	}
	logged, out, err := e.logNew(c, h, p, pack, set.Name)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "opened    %d of %d items of %q\n", p.Opened, set.Version.Size, set.Name)
	for _, holder := range holders {
		fmt.Fprintf(e.stdout, "holder    %s\n", holder.Holder)
	}
	fmt.Fprintf(e.stdout, "statement %s\npack      %s\n", logged.Statement.ID, out)
	e.note(c, "public from now on: %s.", becomesPublic(p))
	return nil
}

// limitedBuffer refuses more than its limit.
type limitedBuffer struct {
	bytes.Buffer
	limit int
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.limit {
		return 0, fmt.Errorf("the opening has more than %d bytes, the most that a pack carries: open fewer items, or all of them to one evaluator with --private", b.limit)
	}
	return b.Buffer.Write(p)
}

// parseHolders reads URI=RECIPIENT; a recipient has no = in it.
func parseHolders(args []string) (holders []attest.Holder, recipients []age.Recipient, err error) {
	for _, arg := range args {
		at := strings.LastIndex(arg, "=")
		if at < 1 {
			return nil, nil, usagef("--to %q: want URI=RECIPIENT, such as https://auditor.example=age1…", arg)
		}
		parsed, err := age.ParseRecipients(strings.NewReader(arg[at+1:]))
		if err != nil || len(parsed) != 1 {
			return nil, nil, usagef("--to %q: %q is not an age recipient (age1…)", arg, arg[at+1:])
		}
		holders = append(holders, attest.Holder{Holder: arg[:at], Recipient: arg[at+1:]})
		recipients = append(recipients, parsed...)
	}
	return holders, recipients, nil
}

func encrypt(plain []byte, recipients []age.Recipient) ([]byte, error) {
	var b bytes.Buffer
	w, err := age.Encrypt(&b, recipients...)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// runDecrypt is the holder's side: it decrypts what was opened to it, and checks it
// against the set that the pack's statement names before it writes it down.
func (e *env) runDecrypt(c *cli.Context, name string) error {
	for _, flag := range []string{"private", "public", "to", "all", "items", "fields"} {
		if c.IsSet(flag) {
			return usagef("--identity decrypts what was opened already: --%s does not go with it", flag)
		}
	}
	identities, err := readIdentities(c.String("identity"))
	if err != nil {
		return err
	}
	pack, done, err := openPack(name)
	if err != nil {
		return err
	}
	defer done()
	_, p, err := only[*attest.Opening](pack, name)
	if err != nil {
		return err
	}
	if p.Answers != nil {
		return withHint(fmt.Errorf("%s opens answers of a result, no items", name), `"proctor audit challenge check --identity FILE" decrypts and checks them`)
	}
	if p.OpenedItems == nil {
		return fmt.Errorf("%s opens no items", name)
	}
	id, _ := p.Ref(attest.RoleTestset)
	entry := pack.Entries[id]
	if entry == nil {
		return fmt.Errorf("%s does not hold the test set %s that it opens", name, id.Short())
	}
	set, ok := entry.Statement.Predicate.(*attest.Testset)
	switch {
	case !ok:
		return fmt.Errorf("%s: statement %s is no test set", name, id.Short())
	case p.Encrypted == nil:
		return withHint(fmt.Errorf("%s is open to everybody: there is nothing to decrypt", name), `"proctor inspect" shows a pack, "proctor verify" checks it`)
	}
	cipher, err := pack.Artifact(p.Encrypted.File)
	if err != nil {
		return err
	}
	plain, err := age.Decrypt(bytes.NewReader(cipher), identities...)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	out := c.String("out")
	if out == "" {
		out = openingName(set)
	}
	if err := newFile(out); err != nil {
		return err
	}
	if err := durable.Write(out, 0o600, func(w io.Writer) error { return copyOpening(w, plain, p.OpenedItems, set) }); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(e.stdout, "opening   %s\nitems     %d of %q, as the pack's statement commits to them\n", out, p.Opened, set.Name)
	e.note(c, `Whose statement that is, "proctor verify %s" says.`, name)
	return nil
}

// copyOpening copies an opening if it is the signed one and fits the set.
func copyOpening(w io.Writer, plain io.Reader, p *attest.OpenedItems, set *attest.Testset) error {
	sum := sha256.New()
	r := io.TeeReader(io.LimitReader(plain, int64(p.Opening.Size)+1), io.MultiWriter(w, sum))
	want := testset.Set{ID: set.SetID, Fields: set.Fields, Size: set.Version.Size, Root: set.Version.Root}
	if _, err := testset.ScanOpening(r, want, testset.OpeningConfig{Keep: []string{}}, func(testset.OpenedItem) error { return nil }); err != nil {
		return err
	}
	if got := attest.Hash(sum.Sum(nil)); got != p.Opening.SHA256 {
		return errors.New("what was encrypted is another opening than the one that was signed")
	}
	return nil
}

func readIdentities(name string) ([]age.Identity, error) {
	data, err := readLimited(name, 1<<20)
	if err != nil {
		return nil, err
	}
	identities, err := age.ParseIdentities(bytes.NewReader(data))
	if err != nil {
		return nil, withHint(fmt.Errorf("%s: %w", name, err), `"age-keygen" makes an identity; its public half is the recipient`)
	}
	return identities, nil
}
