package attest

import "strconv"

// Digest names in subjects (PROTOCOL §1).
const (
	digestTestset = "proctorTestset"
	digestModel   = "proctorModel"
	digestRun     = "proctorRun"
	digestSHA256  = "sha256"
)

// Roles of references.
const (
	RoleTestset      = "testset"
	RoleModel        = "model"
	RoleRegistration = "registration"
	RoleResult       = "result"
	RoleRelease      = "release"
	RoleTarget       = "target"
	RoleAudit        = "audit"
)

func newPredicate(kind string) Predicate {
	switch kind {
	case "testset":
		return new(Testset)
	case "model":
		return new(Model)
	case "grant":
		return new(Grant)
	case "registration":
		return new(Registration)
	case "result":
		return new(Result)
	case "release":
		return new(Release)
	case "claim":
		return new(Claim)
	case "inventory":
		return new(Inventory)
	case "head":
		return new(ChainHead)
	case "retraction":
		return new(Retraction)
	case "opening":
		return new(Opening)
	case "audit":
		return new(Audit)
	}
	return nil
}

// Head returns the header itself; it makes every predicate that embeds Header
// answer for it.
func (h *Header) Head() *Header { return h }

// Artifact references bulk data by its bytes.
type Artifact struct {
	SHA256    Hash   `json:"sha256"`
	Size      uint64 `json:"size"`
	MediaType string `json:"mediaType"`
	Name      string `json:"name"`
}

// Version names one state of a test set's append-only tree.
type Version struct {
	Size   uint64 `json:"size"`
	Root   Hash   `json:"root"`
	Active Hash   `json:"active"`
}

// Testset says that this committed, versioned set of items exists.
type Testset struct {
	Header
	SetID      Hash            `json:"setID"`
	Name       string          `json:"name"`
	Version    Version         `json:"version"`
	Fields     []string        `json:"fields"`
	KeyMember  string          `json:"keyMember,omitempty"` // absent: items are keyed by row number
	Access     string          `json:"access"`              // private or public
	Skeleton   Artifact        `json:"skeleton"`            // leaf hashes
	Bitmap     Artifact        `json:"bitmap"`              // active items
	Bindings   map[string]Hash `json:"bindings,omitempty"`  // grader, rubric, template, judge, generator: SHA-256
	Canary     string          `json:"canary,omitempty"`
	Duplicates [][]uint64      `json:"duplicates,omitempty"` // groups of indexes that are equal after normalisation

	// Of a later version, whose statement names the one before as a ref: what it
	// retired, and that its tree begins with the other's.
	Edits       []Edit `json:"edits,omitempty"`
	Consistency []Hash `json:"consistency,omitempty"` // RFC 6962 §2.1.2
}

// Edit retires an item, by index, for a reason and perhaps for a successor: the
// next revision of the item.
type Edit struct {
	Retired   uint64  `json:"retired"`
	Successor *uint64 `json:"successor,omitempty"`
	Reason    string  `json:"reason"`
}

func (*Testset) Kind() string { return "testset" }

// Subjects names the set's tree.
func (p *Testset) Subjects() []Subject {
	return []Subject{{p.Name, map[string]string{digestTestset: p.Version.Root.String()}}}
}

// Kinds of ModelRef.
const (
	ModelWeights  = "weights"  // ID is the modelID
	ModelSealed   = "sealed"   // ID is the commitment to a modelID
	ModelEndpoint = "endpoint" // ID is the endpoint id
)

// ModelRef identifies a model in one of three ways; they are never equal.
type ModelRef struct {
	Kind string `json:"kind"`
	ID   Hash   `json:"id"`
}

func (r ModelRef) subject(name string) Subject {
	return Subject{name, map[string]string{digestModel: r.ID.String()}}
}

// RoleDigest is the digest of one part of a model (PROTOCOL §3).
type RoleDigest struct {
	Role   string `json:"role"`
	Digest Hash   `json:"digest"`
}

// Endpoint is a model known only by where it is served.
type Endpoint struct {
	Provider string `json:"provider"`
	URL      string `json:"url"`
	Model    string `json:"model"`
}

// Model says that a model exists: open, sealed, or behind an endpoint.
type Model struct {
	Header
	Name      string       `json:"name"`
	Model     ModelRef     `json:"model"`
	Roles     []RoleDigest `json:"roles,omitempty"`
	Package   *Hash        `json:"package,omitempty"`
	Uncovered []string     `json:"uncovered,omitempty"`
	Manifest  *Artifact    `json:"manifest,omitempty"`
	Endpoint  *Endpoint    `json:"endpoint,omitempty"`
}

func (*Model) Kind() string { return "model" }

// Subjects names the model.
func (p *Model) Subjects() []Subject { return []Subject{p.Model.subject(p.Name)} }

// Grant says who holds a test set's items from now on, and what for. It is the
// owner's, and comes before the items are handed over.
type Grant struct {
	Header
	SetID   Hash     `json:"setID"`
	Name    string   `json:"name"`
	Version Version  `json:"version"`
	Holder  string   `json:"holder"`          // issuer
	Fields  []string `json:"fields"`          // those that are handed over
	RunID   *Hash    `json:"runID,omitempty"` // the registration that it is for
	PaidBy  string   `json:"paidBy,omitempty"`
}

func (*Grant) Kind() string { return "grant" }

// Subjects names the set's tree.
func (p *Grant) Subjects() []Subject {
	return []Subject{{p.Name, map[string]string{digestTestset: p.Version.Root.String()}}}
}

// TestsetRef is the version of a test set that a run is registered for.
type TestsetRef struct {
	SetID Hash `json:"setID"`
	Version
}

// Metric is how grades become a score.
type Metric struct {
	Name       string            `json:"name"`
	Parameters map[string]string `json:"parameters,omitempty"`
	Min        string            `json:"min"`    // decimal, the range of one grade
	Max        string            `json:"max"`    // decimal
	Better     string            `json:"better"` // higher or lower
}

// Metrics of samples that pass or fail, each over k of them: the chance that one of k
// drawn at random passes (arXiv:2107.03374), and that all of them do
// (arXiv:2406.12045).
const (
	PassAt  = "pass@k"
	PassHat = "pass^k"
)

// Binary reports whether every grade of the metric is an end of its range.
func (m Metric) Binary() bool { return m.Name == PassAt || m.Name == PassHat }

// Worst is the grade that an item gets which counts wrong.
func (m Metric) Worst() string {
	if m.Better == "lower" {
		return m.Max
	}
	return m.Min
}

// Registration announces a run: this model will be run on this set so. Its id
// is the run's id.
type Registration struct {
	Header
	Lab           string     `json:"lab"`
	Evaluator     string     `json:"evaluator"`
	Model         ModelRef   `json:"model"`
	ModelName     string     `json:"modelName"`
	Testset       TestsetRef `json:"testset"`
	TestsetName   string     `json:"testsetName"`
	Items         *ItemList  `json:"items,omitempty"` // absent: all active items, or those of the draw
	Draw          *Draw      `json:"draw,omitempty"`
	Samples       uint32     `json:"samples"`
	Configuration Artifact   `json:"configuration"`
	Metric        Metric     `json:"metric"`
	Deadline      string     `json:"deadline"` // RFC 3339, UTC
	Retroactive   bool       `json:"retroactive,omitempty"`
}

// ItemList is some items of a test set, which the registrant chose.
type ItemList struct {
	Count  uint64   `json:"count"`
	Bitmap Artifact `json:"bitmap"` // in the form of the active items
}

// Kinds of Draw.
const (
	DrawSubset    = "subset"    // of the active items
	DrawGenerated = "generated" // items are made from the draw's seed
	DrawSeeds     = "seeds"     // the items are the registered ones; all else that is random is drawn
)

// Draw says which beacon round, later than the registration, decides what nobody could
// choose (PROTOCOL §4).
type Draw struct {
	Chain   Hash         `json:"chain"`
	Round   uint64       `json:"round"`
	Kind    string       `json:"kind"`
	Items   uint64       `json:"items,omitempty"`   // drawn or generated
	FewShot *FewShotDraw `json:"fewshot,omitempty"` // absent: not drawn
	Options uint32       `json:"options,omitempty"` // choices of each item, whose order is drawn; 0: not drawn
}

// FewShotDraw says how many examples precede each item, out of how many.
type FewShotDraw struct {
	Count uint64 `json:"count"`
	Pool  uint64 `json:"pool"`
}

// Beacon is the draw's round.
func (d *Draw) Beacon() Round { return Round{Chain: d.Chain, Round: d.Round} }

func (*Registration) Kind() string { return "registration" }

// Subjects names the model and the set.
func (p *Registration) Subjects() []Subject {
	return []Subject{
		p.Model.subject(p.ModelName),
		{p.TestsetName, map[string]string{digestTestset: p.Testset.Root.String()}},
	}
}

// Result is a run's outcome, item by item, or that the run was abandoned: exactly one
// of Outcome and Abandoned is there.
type Result struct {
	Header
	RunID Hash `json:"runID"`
	*Outcome
	Abandoned string `json:"abandoned,omitempty"` // why
}

// Outcome is what a run came to.
type Outcome struct {
	Leaves   uint64     `json:"leaves"`
	Root     Hash       `json:"root"`
	Rows     Artifact   `json:"rows"` // results.jsonl
	Excluded uint64     `json:"excluded"`
	Score    string     `json:"score"`          // exact, p/q in lowest terms, with the registered denominator
	Logs     []Artifact `json:"logs,omitempty"` // the harness logs it was sealed from, by digest; not in the pack

	Challenge *Challenge `json:"challenge,omitempty"` // nil: no leaf will be opened
}

// Challenge says which beacon round, later than the result, decides which leaves the
// evaluator opens, and by when (PROTOCOL §6).
type Challenge struct {
	Chain    Hash   `json:"chain"`
	Round    uint64 `json:"round"`
	K        uint64 `json:"k"`        // leaves of each stratum
	AnswerBy string `json:"answerBy"` // RFC 3339, UTC
}

// Beacon is the challenge's round.
func (c *Challenge) Beacon() Round { return Round{Chain: c.Chain, Round: c.Round} }

func (*Result) Kind() string { return "result" }

// Subjects names the run.
func (p *Result) Subjects() []Subject {
	return []Subject{{"run", map[string]string{digestRun: p.RunID.String()}}}
}

// Score is a published number and the result it is said to come from.
type Score struct {
	Label    string `json:"label"`
	Score    string `json:"score"`    // decimal as published, without trailing zeros
	Decimals int    `json:"decimals"` // the decimals that were published, trailing zeros included
	Scale    string `json:"scale"`    // what the metric was multiplied by: 100 for percent, else 1
	Result   Hash   `json:"result"`
	Items    string `json:"items,omitempty"`   // "10 of 100", where the registrant chose them
	Regrade  *Hash  `json:"regrade,omitempty"` // the audit whose grades count in the place of the result's
	Variant  string `json:"variant,omitempty"` // names the model where a table declares variants
}

// Seal opens a sealed model: Commitment is what was registered, Secret opens it.
type Seal struct {
	Commitment Hash `json:"commitment"`
	Secret     Hash `json:"secret"`
}

// Release says that this model is what was published there, with its scores.
type Release struct {
	Header
	Name      string    `json:"name"`
	Model     ModelRef  `json:"model"`
	Published []string  `json:"published"`
	Package   *Hash     `json:"package,omitempty"`
	Uncovered []string  `json:"uncovered,omitempty"`
	Manifest  *Artifact `json:"manifest,omitempty"`
	Seals     []Seal    `json:"seals,omitempty"`
	Endpoint  *Endpoint `json:"endpoint,omitempty"`
	Scores    []Score   `json:"scores,omitempty"`
	Variants  bool      `json:"variants,omitempty"`
}

func (*Release) Kind() string { return "release" }

// Subjects names the released model.
func (p *Release) Subjects() []Subject { return []Subject{p.Model.subject(p.Name)} }

// Claim is a published sentence or table of scores.
type Claim struct {
	Header
	Text     string  `json:"text"`
	Scores   []Score `json:"scores"`
	Variants bool    `json:"variants,omitempty"` // the rows are declared to be of different models
}

func (*Claim) Kind() string { return "claim" }

// Subjects names the results that the claim rests on.
func (p *Claim) Subjects() []Subject {
	subjects := make([]Subject, len(p.Scores))
	for i, s := range p.Scores {
		subjects[i] = Subject{s.Label, map[string]string{digestSHA256: s.Result.String()}}
	}
	return subjects
}

// ChainHead says which statement was its issuer's newest when it was made. It
// carries notBefore, which is what makes it fresh.
type ChainHead struct {
	Header
	Newest uint64 `json:"newest"` // seq of the newest statement before this one
}

func (*ChainHead) Kind() string { return "head" }

// Subjects names the newest statement.
func (p *ChainHead) Subjects() []Subject {
	return []Subject{{"statement " + strconv.FormatUint(p.Newest, 10), map[string]string{digestSHA256: p.Prev.String()}}}
}

// Retraction withdraws a statement of the same issuer.
type Retraction struct {
	Header
	Target Hash   `json:"target"`
	Reason string `json:"reason"`
}

func (*Retraction) Kind() string { return "retraction" }

// Subjects names the withdrawn statement.
func (p *Retraction) Subjects() []Subject {
	return []Subject{{"retracted statement", map[string]string{digestSHA256: p.Target.String()}}}
}

// Opening discloses what was committed to: exactly one of OpenedItems, Configuration and
// Answers is there.
type Opening struct {
	Header
	*OpenedItems
	Configuration *OpenedConfiguration `json:"configuration,omitempty"`
	Answers       *OpenedAnswers       `json:"answers,omitempty"`
}

// OpenedAnswers are leaves of a result that its evaluator discloses, to everybody or to
// holders.
type OpenedAnswers struct {
	Result    Hash       `json:"result"`
	RunID     Hash       `json:"runID"`
	Leaves    uint64     `json:"leaves"` // of the result
	Root      Hash       `json:"root"`
	Opened    uint64     `json:"opened"`              // leaves
	Opening   Artifact   `json:"opening"`             // the plain file
	Encrypted *Encrypted `json:"encrypted,omitempty"` // nil: everybody can read it
}

// OpenedItems are items of a set that its owner discloses: to everybody, or to
// holders who alone can decrypt them.
type OpenedItems struct {
	SetID     Hash       `json:"setID"`
	Name      string     `json:"name"`
	Version   Version    `json:"version"`
	Opened    uint64     `json:"opened"`              // items
	Fields    []string   `json:"fields"`              // those that are disclosed
	Opening   Artifact   `json:"opening"`             // the plain file
	Encrypted *Encrypted `json:"encrypted,omitempty"` // nil: everybody can read it
}

// OpenedConfiguration are private members of a run's configuration.
type OpenedConfiguration struct {
	RunID   Hash                   `json:"runID"`
	Members map[string]OpenedValue `json:"members"`
}

// OpenedValue is what opens a commitment.
type OpenedValue struct {
	Salt  Hash   `json:"salt"`
	Bytes []byte `json:"bytes"` // canonical JSON
}

// Encrypted is a file for those alone who hold a key.
type Encrypted struct {
	File    Artifact `json:"file"`
	Holders []Holder `json:"holders"`
}

// Holder is a party to which something is encrypted.
type Holder struct {
	Holder    string `json:"holder"`    // issuer
	Recipient string `json:"recipient"` // age recipient
}

func (*Opening) Kind() string { return "opening" }

// Subjects names the set's tree, or the run.
func (p *Opening) Subjects() []Subject {
	switch {
	case p.OpenedItems != nil:
		return []Subject{{p.Name, map[string]string{digestTestset: p.Version.Root.String()}}}
	case p.Configuration != nil:
		return []Subject{{"run", map[string]string{digestRun: p.Configuration.RunID.String()}}}
	case p.Answers != nil:
		return []Subject{{"run", map[string]string{digestRun: p.Answers.RunID.String()}}}
	}
	return nil
}

// Kinds of Audit: answers were graded anew, or what a release says is published was
// compared with what was found there (PROTOCOL §1).
const (
	AuditRegrade    = "regrade"
	AuditModelMatch = "model-match"
	AuditChallenge  = "challenge"
)

// Audit says what somebody found who looked again: at a result, or at the published
// model. Result and Regrade go together, as Release and Match do.
type Audit struct {
	Header
	What    string   `json:"kind"` // one of the constants
	Method  string   `json:"method"`
	Result  Hash     `json:"result,omitzero"`
	Grader  *Hash    `json:"grader,omitempty"` // SHA-256 of what graded
	Regrade *Regrade `json:"regrade,omitempty"`

	// Of the leaves that a beacon drew of the result.
	Challenge *Challenged `json:"challenge,omitempty"`

	Release Hash        `json:"release,omitzero"`
	Match   *ModelMatch `json:"modelMatch,omitempty"`
}

// Regrade is the outcome of grading answers anew.
type Regrade struct {
	Rows    Artifact `json:"rows"`    // a line for each leaf that was checked
	Checked uint64   `json:"checked"` // leaves
	Changed uint64   `json:"changed"` // leaves whose grade is another
	Score   string   `json:"score"`   // exact, with the registered denominator
}

// Challenged is the outcome of grading the leaves of a result that a challenge drew and
// its evaluator opened.
type Challenged struct {
	Opening Hash     `json:"opening"` // that answers the challenge
	Rows    Artifact `json:"rows"`    // a line for each leaf that was drawn
	Checked uint64   `json:"checked"` // leaves
	Changed uint64   `json:"changed"` // leaves whose grade is not the result's
}

func (*Audit) Kind() string { return "audit" }

// Subjects names the result or the release.
func (p *Audit) Subjects() []Subject {
	if p.What == AuditModelMatch {
		return []Subject{{"audited release", map[string]string{digestSHA256: p.Release.String()}}}
	}
	return []Subject{{"audited result", map[string]string{digestSHA256: p.Result.String()}}}
}
