package verify

// CheckInfo describes a check for documentation and for the rule by which facets
// follow from checks.
type CheckInfo struct {
	Name    string
	Facet   Facet
	Level   int    // the facet's level that needs it; 0: none does, but it can contradict
	Section string // of the protocol
	Asks    string
}

// Catalogue lists every check that a verdict can contain, in the order in which
// it prints them.
var Catalogue = []CheckInfo{
	{"statement/one-branch", Identity, 0, "§1", "no issuer signed two statements with one number, and each names the one before"},
	{"retraction/none", Identity, 0, "§1", "no statement relied on was withdrawn"},
	{"identity/signed", Identity, 1, "§1, §7", "every statement relied on is signed under a key that the policy gives to its issuer"},
	{"identity/role", Identity, 2, "§7", "the policy gives each issuer the role in which it speaks"},
	{"identity/configuration", Identity, 2, "§4", "every member of the run's configuration is bound"},
	{"registration/terms", Identity, 2, "§4", "the registration's deadline is at most 90 days after the time by which it is shown to have been logged"},
	{"order/logged", Order, 1, "§7", "every statement relied on is in a ledger of the policy, cosigned by its quorum"},
	{"order/registered-before-result", Order, 1, "§7", "the result names its registration, and the registration was logged no later"},
	{"order/run-later", Order, 2, "§7", "the run began after its registration: nobody of the parties held the items before, and its result follows a later beacon round"},
	{"order/drawn-between", Order, 3, "§4, §7", "model and set were logged before the beacon round that the run was drawn by, and the result after it"},
	{"completeness/chains", Completeness, 1, "§1, §7", "the statements of every issuer relied on follow each other to a fresh head"},
	{"completeness/registrations", Completeness, 2, "§4, §7", "every run that the lab announced on the set, up to what the policy permits, was reported"},
	{"testset/committed", Result, 1, "§2", "the registered version is one that a statement in the owner's name commits to"},
	{"testset/skeleton", Result, 1, "§2", "the leaf hashes of the set's items have the committed root"},
	{"testset/active", Result, 1, "§2", "the list of active items is the committed one"},
	{"testset/history", Result, 0, "§2", "each version begins with the items of the one before, and what was retired stays retired"},
	{"testset/openings", Result, 0, "§2", "what the owner opened of the set is what it committed to"},
	{"registration/draw", Order, 0, "§4", "the beacon round that decides what the run is of came after the registration, by the policy's margin and within 7 days"},
	{"registration/items", Result, 1, "§4", "the list of items that the run was registered for, if there is one, is of active items"},
	{"result/evaluator", Result, 1, "§5", "the result is by the evaluator that the registration names"},
	{"result/first", Result, 0, "§4", "it is that run's first result"},
	{"result/items", Result, 1, "§5", "it has exactly the registered samples of exactly the active items, or of those listed or drawn"},
	{"result/grades", Result, 1, "§5", "every grade is in the metric's range, every exclusion of a registered kind"},
	{"result/root", Result, 1, "§5", "the tree rebuilt from its rows has the signed root"},
	{"result/score", Result, 1, "§5", "the score that the result states follows from the rows"},
	{"score/recomputed", Result, 1, "§5", "the published score follows from the rows"},
	{"score/items", Result, 1, "§4", "a score on items that the registrant chose says on how many of how many, and no other does"},
	{"challenge/answered", Result, 2, "§6", "the evaluator opened, in time, the leaves that a later beacon round drew, and they are what the result commits to"},
	{"audit/challenge", Result, 2, "§6, §7", "somebody independent graded the opened answers, and found the grades right"},
	{"audit/regrade", Result, 0, "§1", "the published score stands where answers were graded anew"},
	{"model/committed", Deployment, 1, "§3", "the registered model is one that a statement in the lab's name commits to"},
	{"model/seal", Deployment, 1, "§3", "the sealed model was opened, and is the one that was registered"},
	{"model/same-as-released", Deployment, 1, "§7", "the model that was run is the model that was released"},
	{"model/same-in-all-rows", Deployment, 1, "§5", "all rows of the table are of one model, or declared as variants"},
	{"model/recomputed", Deployment, 2, "§3, §7", "the published files have the released modelID"},
	{"model/uncovered", Deployment, 2, "§3", "no published weight file is outside the modelID"},
	{"model/package", Deployment, 0, "§3", "the published files are the released package, all of them"},
	{matchCheck, Deployment, 0, "§3, §7", "no auditor found another model where the release says that its model is"},
}
