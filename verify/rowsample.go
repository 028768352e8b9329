package verify

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// Sample is what some tensors of published weights show, drawn by their bytes, beside
// the names, types and shapes of all and every other part of the model in full.
type Sample struct {
	Repo    string      // ORG/NAME on the hub that it is from
	ID      attest.Hash // the modelID, were all other tensors the released ones
	Differs []string    // roles and tensors that are not the released ones

	Draws        int
	Tensors, Of  int // read, and all
	Bytes, OfAll uint64
}

// missed is the probability that the draws find none of the altered tensors, which hold
// a share of all bytes.
func (s *Sample) missed(share float64) float64 { return math.Pow(1-share, float64(s.Draws)) }

// checkSample judges a modelID that was recomputed from a sample. It is enough where the
// policy says how much may be missed: the sample, unlike the files, is a matter of
// chance, and of who drew it.
func (r *rowJudge) checkSample(name string, release *attest.Release, c *Comparison) {
	s, from, need := c.Sample, r.opts.Published.From, r.policy.Require
	read := fmt.Sprintf("%d of %d tensors (%d of %d bytes)", s.Tensors, s.Of, s.Bytes, s.OfAll)
	if s.ID != release.Model.ID {
		text := fmt.Sprintf("the sample in %s is of another model: %s", from, some(s.Differs))
		if publishedAt(release, c.Revision) {
			r.refute(name, release.Model.ID.String(), s.ID.String(), "%s", text)
		} else {
			r.missing(name, "%s; the release does not name its commit, %s", text, c.Revision)
		}
		return
	}
	switch {
	case !publishedIn(release, s.Repo):
		r.missing(name, "%s is of %s, and the release names %s", from, s.Repo, some(release.Published))
	case s.Bytes == s.OfAll:
		r.pass(name, "recomputed from all tensors and parts in %s, %s at %s", from, s.Repo, c.Revision)
	case need.SampledMiss == 0:
		r.missing(name, "%s: %s read are the released ones; your policy does not say that a sample is enough (sampled_share, sampled_miss)", from, read)
	case s.missed(need.SampledShare) > need.SampledMiss:
		r.missing(name, "%s: %s read are the released ones; altered tensors with %.3g of all bytes are missed with probability %.3g, your policy allows %.3g",
			from, read, need.SampledShare, s.missed(need.SampledShare), need.SampledMiss)
	default:
		r.pass(name, "recomputed from a sample in %s, %s at %s: %s read, in %d draws; altered tensors with %.3g of all bytes are missed with probability %.3g",
			from, s.Repo, c.Revision, read, s.Draws, need.SampledShare, s.missed(need.SampledShare))
		r.notShown = append(r.notShown, "that tensors which were not drawn are the released ones, or that the hub sends everybody the bytes that it sent for the sample: "+from)
	}
}

// publishedIn reports whether a release names a repository.
func publishedIn(release *attest.Release, repo string) bool {
	want := strings.Split(repo, "/")
	return slices.ContainsFunc(release.Published, func(uri string) bool {
		parts := strings.FieldsFunc(uri, func(r rune) bool { return strings.ContainsRune(":/@?#=&", r) })
		for i := range parts {
			if len(parts)-i >= len(want) && slices.Equal(parts[i:i+len(want)], want) {
				return true
			}
		}
		return false
	})
}
