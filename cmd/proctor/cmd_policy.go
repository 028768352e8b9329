package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/durable"
	"github.com/proctor-attest/proctor/verify"
	"github.com/proctor-attest/proctor/verify/challenge"
)

func (e *env) cmdPolicy() *cli.Command {
	file := &cli.StringFlag{Name: "policy", Usage: "the policy, a `FILE` (default: the home's)"}
	return &cli.Command{
		Name:  "policy",
		Usage: "show, check and extend what you trust",
		Subcommands: []*cli.Command{
			{
				Name: "show", Usage: "say in words what a policy trusts, with fingerprints to compare by phone",
				Flags: []cli.Flag{file}, Action: e.runPolicyShow,
			},
			{
				Name: "check", Usage: "read a policy strictly and say whether it can be used",
				Flags: []cli.Flag{file}, Action: e.runPolicyCheck,
			},
			{
				Name: "add", Usage: "trust another party: its policy file, drand's /info of a beacon, or a timestamp authority's certificates", ArgsUsage: "FILE",
				Description: "Takes over the issuer, the ledger and the witnesses of another home's policy. Compare\n" +
					"the fingerprints with that party before you rely on them. A policy that does not exist\n" +
					"yet is made. Of a timestamp authority it takes the certificates that the authority\n" +
					"publishes, in PEM (\"proctor help time\").",
				Flags: append([]cli.Flag{
					file,
					&cli.StringFlag{Name: "role", Usage: "`ROLES` to give the issuer, such as lab or owner,evaluator (default: those in its file)"},
					&cli.BoolFlag{Name: "independent", Usage: "you take this party to be independent of all others in the policy"},
					&cli.BoolFlag{Name: "witness-only", Usage: "trust its witnesses, not its issuer or ledger"},
					&cli.StringFlag{Name: "quorum", Usage: "`WITNESSES` that must all have cosigned, comma-separated (default: as it is)"},
				}, tsaPolicyFlags()...),
				Action: e.runPolicyAdd,
			},
		},
	}
}

func policyName(c *cli.Context) string {
	if name := c.String("policy"); name != "" {
		return name
	}
	return filepath.Join(homeDir(), policyFile)
}

func (e *env) runPolicyCheck(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	p, err := readPolicy(policyName(c))
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "policy    %s\nsha256    %s\n", policyName(c), p.Hash)
	return nil
}

func (e *env) runPolicyShow(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	p, err := readPolicy(policyName(c))
	if err != nil {
		return err
	}
	w := e.stdout
	fmt.Fprintf(w, "policy %s\n\n", p.Hash)
	fmt.Fprintf(w, "A claim must reach %s", p.Require.Level)
	if p.Require.Facets != (verify.Facets{}) {
		fmt.Fprintf(w, " and at least %s", p.Require.Facets)
	}
	if p.Require.SampledMiss > 0 {
		fmt.Fprintf(w, ".\nA sample of published weights is enough if altered tensors with %v of all bytes are\nmissed with probability %v at most", p.Require.SampledShare, p.Require.SampledMiss)
	}
	fmt.Fprintf(w, ".\nHeads must be at most %s old; clocks may differ by %s.\n", p.Fresh, p.Skew)
	for _, i := range p.Issuers {
		fmt.Fprintf(w, "\n%s may speak as %s, under\n", i.URI, strings.Join(i.Roles, ", "))
		for _, k := range i.Keys {
			fmt.Fprintf(w, "  %s sha256:%s\n", k.Key.Algorithm(), k.Key.Fingerprint())
		}
		if len(i.Aliases) > 0 {
			fmt.Fprintf(w, "  the same party as %s\n", strings.Join(i.Aliases, ", "))
		}
	}
	fmt.Fprintln(w, "\nStatements count when logged in one of")
	for _, l := range p.Ledger.Logs() {
		fmt.Fprintf(w, "  %s%s\n    %s\n", l.Origin, runBy(p, l.Origin), l.VKey)
	}
	fmt.Fprintln(w, "and dated when these have cosigned:", p.Ledger.Quorum())
	for _, x := range p.Ledger.Witnesses() {
		fmt.Fprintf(w, "  %s%s\n    %s\n", x.Name, runBy(p, x.Name), x.VKey)
	}
	if err := showTSAs(w, p); err != nil {
		return err
	}
	for _, set := range p.PinnedSets() {
		fmt.Fprintf(w, "\npinned test set %s\n", set)
	}
	for _, b := range p.Beacons {
		fmt.Fprintf(w, "\nbeacon %s, chain %s\n", b.Name, b.Chain)
	}
	if groups := p.IndependentGroups(); len(groups) > 0 {
		fmt.Fprintln(w, "\nTaken to be independent of each other:")
		for _, g := range groups {
			fmt.Fprintf(w, "  %s\n", strings.Join(g, ", "))
		}
	} else {
		fmt.Fprintln(w, "\nNobody is taken to be independent of anybody: bounds in time are attested, and verdicts stop at CAL-1.")
	}
	return nil
}

func runBy(p *verify.Policy, name string) string {
	if operator := p.Operator(name); operator != "" {
		return ", run by " + operator
	}
	return ", operator not named"
}

func (e *env) runPolicyAdd(c *cli.Context) error {
	arg, err := oneArg(c, "a policy file or a beacon's /info")
	if err != nil {
		return err
	}
	name := policyName(c)
	file, err := loadPolicyFile(name)
	if err != nil {
		return err
	}
	data, err := readLimited(arg, 1<<20)
	if err != nil {
		return err
	}
	if b, err := parseBeaconInfo(data); err == nil {
		file.Beacons = append(file.Beacons, b)
	} else if isCertificates(data) {
		if err := addTSA(c, file, data); err != nil {
			return fmt.Errorf("%s: %w", arg, err)
		}
	} else if err := addParty(c, file, data); err != nil {
		return fmt.Errorf("%s: %w", arg, err)
	}
	text, err := file.Format()
	if err != nil {
		return err
	}
	p, err := verify.ParsePolicy(text)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(name, text, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "policy    %s\nsha256    %s\n", name, p.Hash)
	return nil
}

func loadPolicyFile(name string) (*verify.PolicyFile, error) {
	data, err := readLimited(name, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return &verify.PolicyFile{
			Version: 1,
			Require: verify.RequireFile{Level: verify.CAL1.String()},
			Time:    defaultTimes,
			Beacons: []verify.BeaconFile{beaconFile(challenge.Quicknet())},
		}, nil
	}
	if err != nil {
		return nil, err
	}
	return verify.ParsePolicyFile(data)
}

var defaultTimes = verify.TimeFile{Margin: "10m", Skew: "5m", Freshness: "720h"}

// addParty merges another home's policy: its issuer, its ledger, its witnesses.
// What that party trusts besides, and what it demands, is not taken over.
func addParty(c *cli.Context, file *verify.PolicyFile, data []byte) error {
	other, err := verify.ParsePolicyFile(data)
	if err != nil {
		return err
	}
	theirs, err := verify.ParsePolicy(data)
	if err != nil {
		return err
	}
	if len(other.Issuers) != 1 {
		return fmt.Errorf("names %d issuers; add the policy that a party's own home has", len(other.Issuers))
	}
	lp := editLogPolicy(file.Ledger.Policy)
	party := other.Issuers[0]
	if !c.Bool("witness-only") {
		if roles := c.String("role"); roles != "" {
			party.Roles = strings.Split(roles, ",")
		}
		if slices.ContainsFunc(file.Issuers, func(i verify.IssuerFile) bool { return i.URI == party.URI }) {
			return fmt.Errorf("the policy has %s already", party.URI)
		}
	}
	lp.merge(theirs.Ledger, !c.Bool("witness-only"))
	switch quorum := c.String("quorum"); {
	case quorum != "":
		lp.require(strings.Split(quorum, ","))
	case lp.quorum == "":
		lp.require(witnessNames(theirs.Ledger))
	}
	file.Ledger.Policy = lp.text()
	mergeOperators(file, other)
	if c.Bool("independent") {
		addIndependent(file, party.URI)
	}
	if !c.Bool("witness-only") {
		file.Issuers = append(file.Issuers, party)
	}
	return nil
}

func witnessNames(p *ledger.Policy) []string {
	var names []string
	for _, w := range p.Witnesses() {
		names = append(names, w.Name)
	}
	return names
}

// mergeOperators keeps what the file says already; names that its policy does not
// have would be refused.
func mergeOperators(file, other *verify.PolicyFile) {
	if file.Operators == nil {
		file.Operators = map[string]string{}
	}
	p, err := ledger.ParsePolicy([]byte(file.Ledger.Policy))
	if err != nil {
		return // reported when the whole policy is read again
	}
	names := witnessNames(p)
	for _, l := range p.Logs() {
		names = append(names, l.Origin)
	}
	for name, uri := range other.Operators {
		if _, ok := file.Operators[name]; !ok && slices.Contains(names, name) {
			file.Operators[name] = uri
		}
	}
}

// addIndependent says that a party is independent of every issuer so far: in one
// group where all of those are independent of each other, in pairs elsewhere.
func addIndependent(file *verify.PolicyFile, uri string) {
	var others []string
	for _, i := range file.Issuers {
		if i.URI != uri {
			others = append(others, i.URI)
		}
	}
	if len(others) == 0 {
		return
	}
	for i, group := range file.Independent {
		if !slices.ContainsFunc(others, func(o string) bool { return !slices.Contains(group, o) }) {
			file.Independent[i] = append(group, uri)
			return
		}
	}
	for _, o := range others {
		file.Independent = append(file.Independent, []string{o, uri})
	}
}

// beaconInfo is drand's description of a chain (HTTP API, /info).
type beaconInfo struct {
	PublicKey   string `json:"public_key"`
	Period      uint32 `json:"period"`
	GenesisTime int64  `json:"genesis_time"`
	Hash        string `json:"hash"`
	Scheme      string `json:"schemeID"`
	Metadata    struct {
		BeaconID string `json:"beaconID"`
	} `json:"metadata"`
}

func parseBeaconInfo(data []byte) (verify.BeaconFile, error) {
	if err := attest.CheckForeignJSON(data); err != nil {
		return verify.BeaconFile{}, err
	}
	var info beaconInfo
	if err := json.Unmarshal(data, &info); err != nil {
		return verify.BeaconFile{}, err
	}
	chain, err := attest.ParseHash(info.Hash)
	if err != nil {
		return verify.BeaconFile{}, fmt.Errorf("chain: %w", err)
	}
	b := challenge.Beacon{Name: info.Metadata.BeaconID, Scheme: info.Scheme, Chain: chain, Key: info.PublicKey, Period: info.Period, Genesis: info.GenesisTime}
	if err := b.Valid(); err != nil {
		return verify.BeaconFile{}, err
	}
	return beaconFile(b), nil
}
