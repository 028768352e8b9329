package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/ledger"
)

// logPolicy edits the text of a C2SP tlog-policy; what it means is package
// ledger's business. Lines that a person wrote stay as they are.
type logPolicy struct {
	lines  []string // all but the quorum's
	quorum string   // its line; empty in a new policy
}

func editLogPolicy(text string) *logPolicy {
	p := &logPolicy{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(strings.TrimSpace(line), "quorum ") {
			p.quorum = line
		} else if line != "" {
			p.lines = append(p.lines, line)
		}
	}
	return p
}

func (p *logPolicy) text() string {
	return strings.Join(append(slices.Clone(p.lines), p.quorum), "\n") + "\n"
}

// add appends a line unless it, or a line with the same key, is there.
func (p *logPolicy) add(line, vkey string) {
	for _, l := range p.lines {
		if slices.Contains(strings.Fields(l), vkey) {
			return
		}
	}
	p.lines = append(p.lines, line)
}

func (p *logPolicy) addLog(vkey, url string) { p.add(strings.TrimSpace("log "+vkey+" "+url), vkey) }

func (p *logPolicy) addWitness(name, vkey, url string) {
	p.add(strings.TrimSpace("witness "+name+" "+vkey+" "+url), vkey)
}

// merge takes over the logs and witnesses of another policy.
func (p *logPolicy) merge(other *ledger.Policy, logs bool) {
	if logs {
		for _, l := range other.Logs() {
			p.addLog(l.VKey, l.URL)
		}
	}
	for _, w := range other.Witnesses() {
		p.addWitness(w.Name, w.VKey, w.URL)
	}
}

// require makes the quorum: all of these witnesses.
func (p *logPolicy) require(names []string) {
	if len(names) == 0 {
		p.quorum = "quorum none"
		return
	}
	if len(names) == 1 {
		p.quorum = "quorum " + names[0]
		return
	}
	group := "every"
	for n := 2; p.defines(group); n++ {
		group = fmt.Sprintf("every%d", n)
	}
	p.lines = append(p.lines, "group "+group+" all "+strings.Join(names, " "))
	p.quorum = "quorum " + group
}

func (p *logPolicy) defines(name string) bool {
	return slices.ContainsFunc(p.lines, func(l string) bool {
		words := strings.Fields(l)
		return len(words) > 1 && words[1] == name
	})
}

// witnessName is a witness's name in a policy: a word.
func witnessName(name string) string { return strings.NewReplacer("/", "-", ".", "-").Replace(name) }
