package main

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

func setGo(f *modfile.File, work *modfile.WorkFile) error {
	if err := f.AddGoStmt(work.Go.Version); err != nil {
		return err
	}
	if work.Toolchain == nil {
		f.DropToolchainStmt()
		return nil
	}
	return f.AddToolchainStmt(work.Toolchain.Name)
}

// setRequires changes f only when a local module is missing, superfluous or not at localVersion. Which block a line
// stands in is left to go mod tidy.
func setRequires(f *modfile.File, needed map[*module]need) {
	want := map[string]bool{} // path: direct
	for m, n := range needed {
		if n.required {
			want[m.path] = n.direct
		}
	}
	var reqs []*modfile.Require
	same := true
	for _, r := range f.Require {
		direct, wanted := want[r.Mod.Path]
		switch {
		case wanted:
			delete(want, r.Mod.Path)
			same = same && r.Mod.Version == localVersion && r.Indirect == !direct
			reqs = append(reqs, localRequire(r.Mod.Path, direct))
		case r.Mod.Version == localVersion:
			same = false
		default:
			reqs = append(reqs, &modfile.Require{Mod: r.Mod, Indirect: r.Indirect})
		}
	}
	if same && len(want) == 0 {
		return
	}
	for p, direct := range want {
		reqs = append(reqs, localRequire(p, direct))
	}
	f.SetRequireSeparateIndirect(reqs)
}

func localRequire(modulePath string, direct bool) *modfile.Require {
	r := &modfile.Require{Indirect: !direct}
	r.Mod.Path, r.Mod.Version = modulePath, localVersion
	return r
}

// setReplaces points each needed module to its directory and drops the other replaces by directories.
func setReplaces(m *module, needed map[*module]need) error {
	want := map[string]string{}
	for n := range needed {
		rel, err := filepath.Rel(filepath.FromSlash(m.dir), filepath.FromSlash(n.dir))
		if err != nil {
			return err
		}
		want[n.path] = filepath.ToSlash(rel)
		if !strings.HasPrefix(want[n.path], "../") {
			want[n.path] = "./" + want[n.path]
		}
	}
	for _, r := range slices.Clone(m.file.Replace) {
		if dir, wanted := want[r.Old.Path]; wanted && r.Old.Version == "" && r.New.Path == dir {
			delete(want, r.Old.Path)
		} else if wanted || r.New.Version == "" {
			if err := m.file.DropReplace(r.Old.Path, r.Old.Version); err != nil {
				return err
			}
		}
	}
	for _, p := range slices.Sorted(maps.Keys(want)) {
		if err := m.file.AddReplace(p, "", want[p], ""); err != nil {
			return err
		}
	}
	m.file.Cleanup()
	gather(m.file.Syntax, "replace")
	return nil
}

// gather puts the statements of a verb into one block. AddReplace writes each as a statement of its own.
func gather(syntax *modfile.FileSyntax, verb string) {
	block := &modfile.LineBlock{Token: []string{verb}}
	at := -1
	for i, stmt := range syntax.Stmt {
		switch stmt := stmt.(type) {
		case *modfile.LineBlock:
			if stmt.Token[0] == verb {
				block, at = stmt, i
			}
		case *modfile.Line:
			if at < 0 && stmt.Token[0] == verb {
				at = i
			}
		}
	}
	if at < 0 {
		return
	}
	var rest []modfile.Expr
	for i, stmt := range syntax.Stmt {
		line, ok := stmt.(*modfile.Line)
		if ok && line.Token[0] == verb {
			line.Token, line.InBlock = line.Token[1:], true
			block.Line = append(block.Line, line)
		}
		switch {
		case i == at:
			rest = append(rest, block)
		case !ok || !line.InBlock:
			rest = append(rest, stmt)
		}
	}
	syntax.Stmt = rest
}
