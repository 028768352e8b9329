package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger/durable"
	"github.com/proctor-attest/proctor/verify"
)

const packSuffix = ".proctor"

func outFlag() cli.Flag {
	return &cli.StringFlag{Name: "out", Usage: "write the evidence pack to `FILE`"}
}

// outName is the pack that a command will write: --out, or NAME.KIND.proctor, or
// KIND.proctor of what has no name.
func outName(c *cli.Context, name, kind string) (string, error) {
	out := c.String("out")
	if out == "" {
		out = kind + packSuffix
		if name != "" {
			out = notInNames.ReplaceAllString(strings.ReplaceAll(name, "/", "-"), "-") + "." + out
		}
	}
	return out, newFile(out)
}

// packFile is where the home keeps the pack that a statement was made with.
func (h *home) packFile(id attest.Hash) string {
	return h.path(packsDir, id.String()+packSuffix)
}

// logNew unlocks the home, logs a statement, and writes its pack under the name that
// the command line gives or that follows from what it is about.
func (e *env) logNew(c *cli.Context, h *home, p attest.Predicate, pack *attest.Pack, about string) (entry *attest.Entry, out string, err error) {
	if out, err = outName(c, about, p.Kind()); err != nil {
		return nil, "", err
	}
	s, err := e.issuing(c, h)
	if err != nil {
		return nil, "", err
	}
	defer s.close(e.ctx)
	entry, err = s.logAndPack(e.ctx, p, pack, out)
	return entry, out, err
}

// logAndPack issues a statement and writes the pack that carries it: to the home,
// where later commands find it, and to the file that the user mails around, where
// out names one. The entry is nil when nothing was signed.
func (s *issuing) logAndPack(ctx context.Context, p attest.Predicate, pack *attest.Pack, out string) (*attest.Entry, error) {
	if s.signer == nil {
		return nil, s.show(p)
	}
	entry, err := s.sign(ctx, p, pack)
	if err != nil {
		return entry, err
	}
	if err := s.finish(ctx, entry, pack); err != nil || out == "" {
		return entry, err
	}
	if err := writePack(out, pack); err != nil {
		return entry, withHint(err, "the statement is logged: do not repeat it, and copy its pack from "+s.packFile(entry.Statement.ID))
	}
	return entry, nil
}

// keepPack adds an entry, and what a reader needs to follow the numbering to it,
// and writes the home's copy.
func (s *issuing) keepPack(pack *attest.Pack, entry *attest.Entry) error {
	pack.Entries[entry.Statement.ID] = entry
	s.addChain(pack)
	if err := s.addRounds(pack); err != nil {
		return err
	}
	return writePack(s.packFile(entry.Statement.ID), pack)
}

func writePack(name string, p *attest.Pack) error {
	return durable.Write(name, 0o644, func(w io.Writer) error { return p.WriteZip(w) })
}

// merge adds to a pack what another holds. Anybody may have put that together: what
// counts under the home's policy stands.
func (e *env) merge(h *home, into, other *attest.Pack) error {
	policy, err := h.policy()
	if err != nil {
		return err
	}
	verify.MergeInto(into, other, policy, e.now())
	return nil
}

// addRounds adds the beacon rounds that the pack's statements carry, as far as the
// home has them.
func (h *home) addRounds(p *attest.Pack) error {
	for _, e := range p.Entries {
		round := e.Statement.Head().NotBefore
		if round == nil || p.Beacons[*round] != nil {
			continue
		}
		data, err := readLimited(h.path(beaconsDir, roundName(*round)), 1<<16)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		p.Beacons[*round] = data
	}
	return nil
}

func roundName(r attest.Round) string { return fmt.Sprintf("%s-%d.json", r.Chain, r.Round) }

// smallPack is the size of file up to which a zip is read at once, and not piece by
// piece.
const smallPack = 1 << 20

// openPack reads a pack from a zip or a directory.
func openPack(name string) (*attest.Pack, func(), error) { return openPackBy(attest.Reader{}, name) }

func openPackBy(reader attest.Reader, name string) (*attest.Pack, func(), error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, nil, err
	}
	if info.IsDir() {
		root, err := os.OpenRoot(name)
		if err != nil {
			return nil, nil, err
		}
		p, err := reader.Dir(root.FS())
		if err != nil {
			root.Close()
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		return p, func() { root.Close() }, nil
	}
	if info.Size() <= smallPack {
		data, err := readLimited(name, smallPack)
		if err != nil {
			return nil, nil, err
		}
		p, err := reader.Zip(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		return p, func() {}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	p, err := reader.Zip(f, info.Size())
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, func() { f.Close() }, nil
}

// find returns the statement of one type that an argument names, and the pack
// that carries it: a pack file, or an id, a unique prefix of one, or a name, among
// what was signed in the home. Its packs are many and repeat each other: only the one
// that was meant is opened.
func find[P attest.Predicate](h *home, arg string) (*attest.Pack, *attest.Entry, P, error) {
	var none P
	if _, err := os.Stat(arg); err == nil {
		pack, _, err := openPack(arg) // stays open: its artifacts go into another pack
		if err != nil {
			return nil, nil, none, err
		}
		entry, p, err := only[P](pack, arg)
		return pack, entry, p, err
	}
	entries, err := h.ownEntries()
	if err != nil {
		return nil, nil, none, err
	}
	var found *attest.Entry
	var best P
	for _, e := range entries {
		p, ok := e.Statement.Predicate.(P)
		id := e.Statement.ID.String()
		switch {
		case !ok || !(strings.HasPrefix(id, arg) && len(arg) >= 6) && nameOf(p) != arg:
			continue
		case found != nil && !sameSet(best, p):
			return nil, nil, none, fmt.Errorf("%q is both %s and %s", arg, found.Statement.ID, id)
		case found == nil || best.Head().Seq < p.Head().Seq:
			found, best = e, p
		}
	}
	if found == nil {
		return nil, nil, none, withHint(fmt.Errorf("there is no %s %q", none.Kind(), arg), "name a pack file, a statement's id or a prefix of six or more digits, or a name")
	}
	file := h.packFile(found.Statement.ID)
	pack, _, err := openPack(file)
	if err != nil {
		return nil, nil, none, err
	}
	entry := pack.Entries[found.Statement.ID]
	if entry == nil {
		return nil, nil, none, fmt.Errorf("%s does not hold the statement that it is named after", file)
	}
	return pack, entry, entry.Statement.Predicate.(P), nil
}

// sameSet reports whether two statements are of versions of one test set, of which
// a name means the newest.
func sameSet(a, b attest.Predicate) bool {
	p, ok := a.(*attest.Testset)
	q, ok2 := b.(*attest.Testset)
	return ok && ok2 && p.SetID == q.SetID
}

// only returns the newest statement of the type in a pack. A pack of one thing
// carries its issuer's chain too; what it was made for is the last of its kind.
func only[P attest.Predicate](pack *attest.Pack, file string) (*attest.Entry, P, error) {
	var entry *attest.Entry
	var found P
	for _, id := range pack.IDs() {
		if p, ok := pack.Entries[id].Statement.Predicate.(P); ok {
			if entry != nil && entry.Statement.Head().Issuer != p.Head().Issuer {
				return nil, found, withHint(fmt.Errorf("%s holds a %s of %s and one of %s", file, p.Kind(), entry.Statement.Head().Issuer, p.Head().Issuer), "name the statement by its id")
			}
			entry, found = pack.Entries[id], p
		}
	}
	if entry == nil {
		return nil, found, fmt.Errorf("%s holds no %s", file, found.Kind())
	}
	return entry, found, nil
}

func nameOf(p attest.Predicate) string {
	switch p := p.(type) {
	case *attest.Testset:
		return p.Name
	case *attest.Model:
		return p.Name
	case *attest.Release:
		return p.Name
	}
	return ""
}
