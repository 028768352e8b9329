package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/signing"
	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/durable"
	"github.com/proctor-attest/proctor/ledger/witness"
	"github.com/proctor-attest/proctor/verify"
)

// issuing is a home whose key is unlocked and whose chain of statements nobody
// else can extend meanwhile. One lock covers the choice of the number, the
// signature, the append and the proof: two statements with one number would be
// equivocation.
type issuing struct {
	*home
	env    *env
	cmd    *cli.Context
	signer *signing.Signer
	policy *verify.Policy
	log    ledger.Log
	tsas   []string        // URLs of authorities that date what is logged
	chain  []*attest.Entry // by number
	now    func() time.Time
	lock   *durable.Lock

	resumed []*attest.Entry // what an earlier command had begun
}

func (e *env) issuing(c *cli.Context, h *home) (_ *issuing, err error) {
	if err := h.checkConfirmed(); err != nil {
		return nil, err
	}
	h.ledgerURL = c.String("ledger")
	if h.ledgerURL != "" && !isURL(h.ledgerURL) {
		return nil, usagef("--ledger %s: want the URL of a ledger that is served", h.ledgerURL)
	}
	s := &issuing{home: h, env: e, cmd: c, now: e.now}
	if s.tsas, err = h.tsaURLs(c); err != nil {
		return nil, err
	}
	if c.Bool("dry-run") {
		return s, s.readOnly()
	}
	password, err := e.password(c)
	if err != nil {
		return nil, err
	}
	if s.policy, err = h.policy(); err != nil {
		return nil, err
	}
	if s.signer, err = h.signer(password); err != nil {
		return nil, err
	}
	if s.lock, err = durable.Acquire(e.ctx, h.path("lock")); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.close(e.ctx)
		}
	}()
	if s.chain, err = h.readChain(); err != nil {
		return nil, err
	}
	if s.log, err = h.openLedger(e.ctx); err != nil {
		return nil, err
	}
	if err = s.resume(e.ctx); err != nil {
		return nil, fmt.Errorf("finishing what an earlier command began: %w", err)
	}
	for _, entry := range s.resumed {
		fmt.Fprintf(e.stderr, "finished %s %s, which an earlier command had begun: %s\n", entry.Statement.Kind(), entry.Statement.ID, h.packFile(entry.Statement.ID))
	}
	return s, nil
}

// readOnly knows the chain, with what is pending, and can sign nothing.
func (s *issuing) readOnly() (err error) {
	s.chain, err = s.ownEntries()
	return err
}

// ownEntries are the statements that were signed in the home: the chain, and what is
// pending.
func (h *home) ownEntries() ([]*attest.Entry, error) {
	chain, err := h.readChain()
	if err != nil {
		return nil, err
	}
	pending, err := readEntries(h.path(pendingDir))
	return append(chain, pending...), err
}

func (s *issuing) close(ctx context.Context) error {
	var err error
	if s.log != nil {
		err = s.log.Close(ctx)
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Release())
	}
	return err
}

// next makes a predicate the next statement of the chain.
func (s *issuing) next(p attest.Predicate) (*attest.Statement, error) {
	head := p.Head()
	head.Issuer, head.Seq = s.config.Issuer, uint64(len(s.chain))
	if len(s.chain) > 0 {
		head.Prev = s.chain[len(s.chain)-1].Statement.ID
	}
	return attest.NewStatement(p)
}

// sign signs the next statement and keeps it as pending. Before the first one it
// asks. An entry beside an error is signed and on disk.
func (s *issuing) sign(ctx context.Context, p attest.Predicate, pack *attest.Pack) (*attest.Entry, error) {
	st, err := s.next(p)
	if err != nil {
		return nil, err
	}
	if len(s.chain) == 0 {
		if err := s.env.confirm(s.cmd, p); err != nil {
			return nil, err
		}
	}
	// What the statement is about comes first: if that found no room after the
	// signature, the statement would be logged and could never be checked.
	if err := writePack(s.packFile(st.ID), pack); err != nil {
		return nil, err
	}
	entry, err := s.signKept(ctx, st)
	if entry == nil {
		os.Remove(s.packFile(st.ID))
	}
	return entry, err
}

func (s *issuing) signKept(ctx context.Context, st *attest.Statement) (*attest.Entry, error) {
	bundle, err := s.signer.Sign(ctx, st)
	if err != nil {
		return nil, err
	}
	entry, err := attest.ParseEntry(bundle)
	if err != nil {
		return nil, err
	}
	// On disk before anybody can see it: a number must never be signed twice.
	name := s.path(pendingDir, entryName(entry))
	if err := durable.WriteFile(name, entry.Bytes, 0o644); err != nil {
		if _, gone := os.Lstat(name); gone != nil {
			entry = nil
		}
		return entry, fmt.Errorf("keeping the signed statement: %w", err)
	}
	return entry, nil
}

// finish takes a signed statement from pending to proven. It stays pending until
// its proof and the home's pack of it are there.
func (s *issuing) finish(ctx context.Context, entry *attest.Entry, pack *attest.Pack) error {
	err := s.prove(ctx, entry)
	if err == nil {
		s.stamp(ctx, entry)
		err = s.keepPack(pack, entry)
	}
	if err == nil {
		err = s.settle(entry)
	}
	return withHint(err, "the statement is signed and kept: do not repeat it. "+s.whatNext(err, entry))
}

func (s *issuing) whatNext(err error, entry *attest.Entry) string {
	if errors.Is(err, witness.ErrClock) {
		return "If this machine's clock is right, it was ahead when the witness last cosigned, and the witness waits until then; else set it right. The next command that signs gets the proof"
	}
	if errors.Is(err, witness.ErrRestored) {
		return `Ask who runs the witness to confirm it with your ledger, "proctor restore --confirm --ledger DIR". The next command that signs gets the proof`
	}
	return fmt.Sprintf("The next command that signs gets its proof; its pack is %s then", s.packFile(entry.Statement.ID))
}

// prove appends the statement to the ledger, unless it is there, and gets a proof
// that the home's policy accepts.
func (s *issuing) prove(ctx context.Context, entry *attest.Entry) error {
	appended, err := s.log.Append(ctx, entry.Bytes)
	if err != nil {
		return fmt.Errorf("appending to the ledger: %w", err)
	}
	if _, err := s.policy.Ledger.Verify(entry.Bytes, appended.Proof, s.now().Add(s.policy.Skew)); err != nil {
		return fmt.Errorf("logged at index %d, but not proven yet: %w", appended.Index, err)
	}
	entry.Proof = appended.Proof
	return nil
}

// settle moves a proven statement from pending into the chain.
func (s *issuing) settle(entry *attest.Entry) error {
	stem := strings.TrimSuffix(entryName(entry), ".sigstore.json")
	if err := durable.WriteFile(s.path(statementsDir, stem+".tlog-proof"), entry.Proof, 0o644); err != nil {
		return fmt.Errorf("keeping the proof: %w", err)
	}
	if err := s.keepTokens(entry); err != nil {
		return err
	}
	if err := os.Rename(s.path(pendingDir, entryName(entry)), s.path(statementsDir, entryName(entry))); err != nil {
		return fmt.Errorf("keeping the statement: %w", err)
	}
	s.chain = append(s.chain, entry)
	return errors.Join(durable.SyncDir(s.path(statementsDir)), durable.SyncDir(s.path(pendingDir)))
}

// resume finishes statements that were signed and not proven: a crash, a witness
// that was down.
func (s *issuing) resume(ctx context.Context) error {
	pending, err := readEntries(s.path(pendingDir))
	if err != nil {
		return err
	}
	for _, entry := range pending {
		if seq := entry.Statement.Head().Seq; seq != uint64(len(s.chain)) {
			return withHint(fmt.Errorf("pending statement %d does not follow the %d kept", seq, len(s.chain)),
				"the home was restored or edited; do not sign with it before you know which statements left this machine")
		}
		if err := s.finishKept(ctx, entry); err != nil {
			return err
		}
		s.resumed = append(s.resumed, entry)
	}
	return nil
}

// finishKept finishes a statement whose pack lies in the home.
func (s *issuing) finishKept(ctx context.Context, entry *attest.Entry) error {
	pack, done, err := openPack(s.packFile(entry.Statement.ID))
	if errors.Is(err, os.ErrNotExist) {
		pack, done, err = attest.NewPack(), func() {}, nil
	}
	if err != nil {
		return err
	}
	defer done()
	return s.finish(ctx, entry, pack)
}

var entryForm = regexp.MustCompile(`^[0-9]{6,}-[0-9a-f]{64}\.sigstore\.json$`)

func entryName(e *attest.Entry) string {
	return fmt.Sprintf("%06d-%s.sigstore.json", e.Statement.Head().Seq, e.Statement.ID)
}

// readChain reads the issuer's own statements, by number and without a gap.
func (h *home) readChain() ([]*attest.Entry, error) {
	chain, err := readEntries(h.path(statementsDir))
	if err != nil {
		return nil, err
	}
	var prev attest.Hash
	for i, e := range chain {
		head := e.Statement.Head()
		if head.Seq != uint64(i) || head.Prev != prev || head.Issuer != h.config.Issuer {
			return nil, fmt.Errorf("%s: statement %s is not number %d of %s", h.path(statementsDir), e.Statement.ID.Short(), i, h.config.Issuer)
		}
		prev = e.Statement.ID
	}
	return chain, nil
}

func readEntries(dir string) ([]*attest.Entry, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []*attest.Entry
	for _, f := range files {
		if !entryForm.MatchString(f.Name()) {
			continue
		}
		name := filepath.Join(dir, f.Name())
		data, err := readLimited(name, attest.MaxEntry)
		if err != nil {
			return nil, err
		}
		entry, err := attest.ParseEntry(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if entryName(entry) != f.Name() {
			return nil, fmt.Errorf("%s holds statement %d, %s", name, entry.Statement.Head().Seq, entry.Statement.ID)
		}
		proof, err := readLimited(strings.TrimSuffix(name, ".sigstore.json")+".tlog-proof", 1<<20)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		entry.Proof = proof
		if entry.Timestamp, err = readTokens(name); err != nil {
			return nil, err
		}
		list = append(list, entry)
	}
	slices.SortFunc(list, func(a, b *attest.Entry) int {
		return cmp.Compare(a.Statement.Head().Seq, b.Statement.Head().Seq)
	})
	return list, nil
}

// addChain adds to a pack the issuer's own statements from the first one in it on,
// so that a verifier can follow the numbering.
func (s *issuing) addChain(p *attest.Pack) {
	first := uint64(len(s.chain))
	for _, e := range p.Entries {
		if head := e.Statement.Head(); head.Issuer == s.config.Issuer {
			first = min(first, head.Seq)
		}
	}
	for _, e := range s.chain[first:] {
		p.Entries[e.Statement.ID] = e
	}
}

// ownStatement finds a statement of the chain by id or unique prefix.
func ownStatement(chain []*attest.Entry, arg string) (*attest.Entry, error) {
	var found *attest.Entry
	for _, e := range chain {
		if len(arg) >= 6 && strings.HasPrefix(e.Statement.ID.String(), arg) {
			if found != nil {
				return nil, fmt.Errorf("%q begins both %s and %s", arg, found.Statement.ID, e.Statement.ID)
			}
			found = e
		}
	}
	if found == nil {
		return nil, withHint(fmt.Errorf("none of your statements is %q", arg), `"proctor ledger show" lists them; a prefix of six digits will do`)
	}
	return found, nil
}
