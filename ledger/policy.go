package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const maxPolicy = 64 << 10

// A Policy says which logs may keep an entry and which witnesses must have
// cosigned. It is immutable and safe for concurrent use.
type Policy struct {
	logs      []LogKey
	witnesses []WitnessKey
	quorum    *rule // nil for "quorum none"
}

// Logs returns the logs in the order of the policy.
func (p *Policy) Logs() []LogKey { return append([]LogKey(nil), p.logs...) }

// Witnesses returns the witnesses in the order of the policy, also those that
// the quorum does not mention.
func (p *Policy) Witnesses() []WitnessKey { return append([]WitnessKey(nil), p.witnesses...) }

// Intersecting reports whether any two sets of witnesses that meet the quorum have
// a witness in common for which counts holds. Otherwise a log can show two histories,
// each with a quorum, and a scan of one says nothing about the other: those that do
// not count may cosign both.
func (p *Policy) Intersecting(counts func(witness string) bool) bool { return !p.quorum.splits(counts) }

// Quorum says in words what the quorum needs.
func (p *Policy) Quorum() string { return p.quorum.String() }

// ParsePolicy reads a c2sp.org/tlog-policy file, of up to 64 KiB:
//
//	log <vkey> [<url>]
//	witness <name> <vkey> [<url>]
//	group <name> any|all|<k> <name>...
//	quorum <name>|none
//
// A policy that parses means one thing. Other parsers take a member twice, a
// threshold of zero or a second quorum line, by which one witness or none would
// be a quorum of two; here they are errors, with the number of the line. Beyond
// the specification, at least one log is required: without it a checkpoint of
// any log that the witnesses watch would pass.
func ParsePolicy(text []byte) (*Policy, error) {
	if len(text) > maxPolicy {
		return nil, fmt.Errorf("policy of %d bytes, want at most %d", len(text), maxPolicy)
	}
	pp := policyParser{names: map[string]*rule{}, keys: map[string]string{}, ids: map[string]bool{}}
	number := 0
	for line := range bytes.Lines(text) {
		number++
		if err := pp.line(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	if !pp.quorumSeen {
		return nil, errors.New("no quorum line")
	}
	if len(pp.policy.logs) == 0 {
		return nil, errors.New("no log line")
	}
	return &pp.policy, nil
}

type policyParser struct {
	policy     Policy
	quorumSeen bool
	names      map[string]*rule  // witnesses and groups defined so far
	keys       map[string]string // public key → the line's kind that has it
	ids        map[string]bool   // name and key ID, which select a signature line
}

func (pp *policyParser) line(line []byte) error {
	text, ok := bytes.CutSuffix(line, []byte("\n"))
	if !ok {
		// A file that was cut short could name another, weaker quorum.
		return errors.New("not ended by a newline")
	}
	// "the allowed octet values are 0x09 (tab), 0x0A (newline), 0x20-0x7E, and
	// 0x80-0xFF."
	for _, c := range text {
		if c < 0x20 && c != '\t' || c == 0x7f {
			return fmt.Errorf("control character %#02x", c)
		}
	}
	f := strings.FieldsFunc(string(text), func(r rune) bool { return r == ' ' || r == '\t' })
	if len(f) == 0 || f[0][0] == '#' {
		return nil
	}
	switch f[0] {
	case "log":
		return pp.log(f)
	case "witness":
		return pp.witness(f)
	case "group":
		return pp.group(f)
	case "quorum":
		return pp.quorum(f)
	}
	return fmt.Errorf("%q, want log, witness, group or quorum", abbreviate(f[0]))
}

func (pp *policyParser) log(f []string) error {
	if len(f) < 2 || len(f) > 3 {
		return errors.New("want: log <vkey> [<url>]")
	}
	k, err := ParseLogKey(f[1])
	if err != nil {
		return err
	}
	if len(f) == 3 {
		k.URL = f[2]
	}
	if err := pp.addKey("log", k.key); err != nil {
		return err
	}
	pp.policy.logs = append(pp.policy.logs, k)
	return nil
}

func (pp *policyParser) witness(f []string) error {
	if len(f) < 3 || len(f) > 4 {
		return errors.New("want: witness <name> <vkey> [<url>]")
	}
	k, err := ParseWitnessKey(f[2])
	if err != nil {
		return err
	}
	k.Name = f[1]
	if len(f) == 4 {
		k.URL = f[3]
	}
	if err := pp.addKey("witness", k.key); err != nil {
		return err
	}
	pp.policy.witnesses = append(pp.policy.witnesses, k)
	return pp.define(&rule{name: k.Name, witness: true})
}

func (pp *policyParser) group(f []string) error {
	if len(f) < 4 {
		return errors.New("want: group <name> any|all|<k> and the names of its members")
	}
	g := &rule{name: f[1]}
	for _, name := range f[3:] {
		m, ok := pp.names[name]
		switch {
		case !ok:
			return fmt.Errorf("%q is not defined above", abbreviate(name))
		case m.grouped:
			return fmt.Errorf("%q is in a group already", abbreviate(name))
		}
		m.grouped = true
		g.members = append(g.members, m)
	}
	switch f[2] {
	case "any":
		g.need = 1
	case "all":
		g.need = len(g.members)
	default:
		k, err := strconv.Atoi(f[2])
		if err != nil || f[2] != strconv.Itoa(k) {
			return fmt.Errorf("%q, want any, all or a number", abbreviate(f[2]))
		}
		if k < 1 || k > len(g.members) {
			return fmt.Errorf("%d of %d members", k, len(g.members))
		}
		g.need = k
	}
	return pp.define(g)
}

func (pp *policyParser) quorum(f []string) error {
	if len(f) != 2 {
		return errors.New("want: quorum <name>|none")
	}
	if pp.quorumSeen {
		return errors.New("a second quorum line")
	}
	pp.quorumSeen = true
	if f[1] == "none" {
		return nil
	}
	r, ok := pp.names[f[1]]
	if !ok {
		return fmt.Errorf("%q is not defined above", abbreviate(f[1]))
	}
	pp.policy.quorum = r
	return nil
}

func (pp *policyParser) define(r *rule) error {
	if r.name == "none" {
		return errors.New(`the name "none" is taken`)
	}
	if pp.names[r.name] != nil {
		return fmt.Errorf("%q is defined twice", abbreviate(r.name))
	}
	pp.names[r.name] = r
	return nil
}

// addKey holds: "Two vkeys are considered duplicate if they wrap the same
// underlying public key, even if they differ by key name and key id." A log
// that is also a witness would vote for itself.
func (pp *policyParser) addKey(kind string, k vkey) error {
	if other, ok := pp.keys[string(k.pub)]; ok {
		return fmt.Errorf("%s %s has the public key of an earlier %s", kind, k, other)
	}
	if pp.ids[k.String()] {
		return fmt.Errorf("%s %s has the name and key ID of another key", kind, k)
	}
	pp.keys[string(k.pub)], pp.ids[k.String()] = kind, true
	return nil
}
