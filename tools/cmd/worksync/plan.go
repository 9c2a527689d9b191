package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/mod/modfile"
)

// localVersion is the version a local module is required at; its replace is what counts.
const localVersion = "v0.0.0"

// change is a file worksync would write.
type change struct {
	name     string // relative to the root, with slashes
	old, new []byte
}

// apply prints the change, or writes it.
func (c change) apply(root string, opts options) error {
	if opts.check {
		_, err := opts.out.Write(diff.Diff(c.name, c.old, c.name+" (in step)", c.new))
		return err
	}
	if err := os.WriteFile(filepath.Join(root, filepath.FromSlash(c.name)), c.new, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", c.name, err)
	}
	_, err := fmt.Fprintln(opts.out, "wrote", c.name)
	return err
}

// plan returns the files that are not in step.
func (ws *workspace) plan() ([]change, error) {
	var changes []change
	add := func(c change) {
		if !bytes.Equal(c.old, c.new) {
			changes = append(changes, c)
		}
	}
	work, err := ws.planWork()
	if err != nil {
		return nil, fmt.Errorf("go.work: %w", err)
	}
	add(change{name: "go.work", old: ws.old, new: work})
	needs := ws.needs()
	for _, m := range ws.modules {
		data, err := ws.planModule(m, needs)
		if err != nil {
			return nil, fmt.Errorf("%s/go.mod: %w", m.dir, err)
		}
		add(change{name: path.Join(m.dir, "go.mod"), old: m.old, new: data})
	}
	return changes, nil
}

func (ws *workspace) planWork() ([]byte, error) {
	want := map[string]bool{}
	for _, m := range ws.modules {
		if m.member {
			want["./"+m.dir] = true
		}
	}
	for _, use := range slices.Clone(ws.work.Use) {
		if want[use.Path] {
			delete(want, use.Path)
		} else if err := ws.work.DropUse(use.Path); err != nil {
			return nil, err
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(want)) {
		ws.work.AddNewUse(dir, "")
	}
	ws.work.SortBlocks()
	ws.work.Cleanup()
	return modfile.Format(ws.work.Syntax), nil
}

// need is what a module needs of another local module.
type need struct {
	required bool // one of its packages is linked into the module's packages or tests
	direct   bool // and imported by the module itself
}

// needs returns, by module, the local modules it needs. A module whose packages are not linked is needed all the same
// when the go.mod of a needed module requires it: the go command reads the go.mod of each.
func (ws *workspace) needs() map[*module]map[*module]need {
	all := map[*module]map[*module]need{}
	for _, m := range ws.modules {
		if m.member {
			all[m] = ws.linked(m)
		}
	}
	for _, needed := range all {
		queue := slices.Collect(maps.Keys(needed))
		for len(queue) > 0 {
			for next := range all[queue[0]] {
				if _, known := needed[next]; !known {
					needed[next] = need{}
					queue = append(queue, next)
				}
			}
			queue = queue[1:]
		}
	}
	for m, needed := range all {
		delete(needed, m)
	}
	return all
}

// linked returns the local modules whose packages are linked into those of m or its tests.
func (ws *workspace) linked(m *module) map[*module]need {
	found := map[*module]need{}
	seen := map[string]bool{}
	var visit func(pkg string, from *module)
	visit = func(pkg string, from *module) {
		owner := ws.owner(pkg)
		if owner == nil {
			return
		}
		if owner != m {
			found[owner] = need{required: true, direct: found[owner].direct || from == m}
		}
		if seen[pkg] {
			return
		}
		seen[pkg] = true
		for next := range owner.pkgs[pkg].code {
			visit(next, owner)
		}
	}
	for pkg, in := range m.pkgs {
		visit(pkg, m)
		for next := range in.tests {
			visit(next, m)
		}
	}
	return found
}

func (ws *workspace) planModule(m *module, needs map[*module]map[*module]need) ([]byte, error) {
	if err := setGo(m.file, ws.work); err != nil {
		return nil, err
	}
	if m.member {
		setRequires(m.file, needs[m])
		if err := setReplaces(m, needs[m]); err != nil {
			return nil, err
		}
	}
	m.file.SortBlocks()
	m.file.Cleanup()
	data, err := m.file.Format()
	if err != nil {
		return nil, err
	}
	if !changesMeaning(m.old, data) {
		return m.old, nil
	}
	return data, nil
}

// changesMeaning tells a change from a mere difference in layout, which is the go command's business.
func changesMeaning(a, b []byte) bool {
	return !slices.EqualFunc(bytes.Fields(a), bytes.Fields(b), bytes.Equal)
}
