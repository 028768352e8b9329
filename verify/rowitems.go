package verify

import (
	"fmt"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/attest/testset"
)

// itemList is the list of items that a registration was made for.
type itemList struct {
	items  []uint64 // nil unless the check is proven
	active int      // items of the registered version; 0: not known
	check  Check
}

// checkItems says on which items a score is: on all active ones, or on those that its
// registration lists. Who lists them can leave out those that were answered wrong;
// therefore a list caps the level and stands beside the headline (PROTOCOL §4).
func (r *rowJudge) checkItems() {
	const registered, said = "registration/items", "score/items"
	switch {
	case r.registration == nil:
		r.without("no registration", registered, said)
		return
	case r.registration.Items == nil && r.registration.Draw != nil && r.registration.Draw.Kind == attest.DrawSubset:
		r.add(Check{Name: registered, State: NotApplicable, Detail: "it was registered for items that are drawn"})
		r.checkSaysDrawn(said)
		return
	case r.registration.Items == nil:
		r.add(Check{Name: registered, State: NotApplicable, Detail: "it was registered for all active items"})
		if r.score.Items == "" {
			r.add(Check{Name: said, State: NotApplicable, Detail: "it is on all active items"})
		} else {
			r.refute(said, "all active items", r.score.Items, "the score says that its items were chosen, and the run was registered for all")
		}
		return
	}
	list, count := r.itemList(), r.registration.Items.Count
	r.add(list.check)
	r.row.Declared = fmt.Sprintf("%d items, chosen by the registrant", count)
	if list.active > 0 {
		r.row.Declared = fmt.Sprintf("%d of %d items, chosen by the registrant", count, list.active)
	}
	switch {
	case r.score.Items == "":
		r.refute(said, r.row.Declared, "nothing", "the score hides that the registrant chose its items")
	case list.active == 0:
		r.missing(said, "how many active items there are is not known")
	default:
		r.compare(said, fmt.Sprintf("%d of %d", count, list.active), r.score.Items,
			"the score says so: "+r.score.Items, "the score says that it is on other items than the run was registered for")
	}
}

// checkSaysDrawn compares what a score says of how many items it is on. It may say
// nothing: nobody chose them.
func (r *rowJudge) checkSaysDrawn(name string) {
	drawn := r.registration.Draw.Items
	pool := len(r.listed(r.activeItems()))
	switch {
	case r.score.Items == "":
		r.add(Check{Name: name, State: NotApplicable, Detail: "its items were drawn"})
	case pool == 0:
		r.missing(name, "how many active items there are is not known")
	default:
		r.compare(name, fmt.Sprintf("%d of %d", drawn, pool), r.score.Items,
			"the score says so: "+r.score.Items, "the score says that it is on other items than were drawn")
	}
}

// registeredItems returns the items that are to be run; nil if they are not known.
func (r *rowJudge) registeredItems() []uint64 {
	if d := r.registration.Draw; d != nil && d.Kind == attest.DrawSubset {
		return r.drawnItems()
	}
	if r.registration.Items == nil {
		return r.listed(r.activeItems())
	}
	return r.itemList().items
}

// itemList reads the list of the row's registration, once for all scores.
func (r *rowJudge) itemList() *itemList {
	list := r.lists[r.registrationSt]
	if list == nil {
		list = &itemList{}
		active := r.activeItems()
		list.active = len(r.listed(active))
		list.items, list.check = r.readList(active, list.active)
		list.check.Name = "registration/items"
		r.lists[r.registrationSt] = list
	}
	return list
}

func (r *rowJudge) readList(active []byte, n int) ([]uint64, Check) {
	if n == 0 {
		return nil, Check{Detail: "the list of active items is missing or not one of the registered version"}
	}
	bitmap := r.artifact(r.registration.Items.Bitmap)
	if bitmap == nil {
		return nil, Check{Detail: "the list is not in the pack, its digest alone"}
	}
	items, count := r.listed(bitmap), r.registration.Items.Count
	if uint64(len(items)) != count {
		return nil, Check{State: Contradicted, Want: fmt.Sprint(count), Got: fmt.Sprint(len(items)), Detail: "the list is not one of as many items of the set as the registration says"}
	}
	for _, i := range items {
		if !testset.IsActive(active, i) {
			return nil, Check{State: Contradicted, Detail: fmt.Sprintf("item %d of the list is not active in the registered version", i)}
		}
	}
	return items, Check{State: Proven, Detail: fmt.Sprintf("%d of the %d active items", count, n)}
}

// activeItems is the bitmap of the active items, or nil.
func (r *rowJudge) activeItems() []byte {
	if r.testset == nil {
		return nil
	}
	return r.artifact(r.testset.Bitmap)
}

// listed returns the items of a bitmap, or nil unless it is one of the registered
// version's items.
func (r *rowJudge) listed(bitmap []byte) []uint64 {
	size := r.registration.Testset.Size
	if size > run.MaxRows {
		return nil
	}
	if _, err := testset.Active(size, bitmap); err != nil {
		return nil
	}
	var items []uint64
	for i := range size {
		if testset.IsActive(bitmap, i) {
			items = append(items, i)
		}
	}
	return items
}
