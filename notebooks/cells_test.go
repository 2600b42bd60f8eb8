package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every cell of every notebook compiles, as the program that the kernel makes of it.
func TestCells(t *testing.T) {
	w := ready(t)
	dir := t.TempDir()
	var files []string
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, b := range committed(t, w) {
		s := session{}
		for i, c := range b.Cells {
			if c.Type != "code" || strings.TrimSpace(string(c.Source)) == "" {
				continue
			}
			program, err := s.program(string(c.Source))
			if err != nil {
				t.Errorf("%s, cell %d: %v", b.name, i+1, err)
				continue
			}
			files = append(files, write(fmt.Sprintf("%s/cell_%d/cell.go", b.name, i+1), program))
		}
	}
	write("go.mod", "module cells\n\ngo 1.26\n")
	write("go.work", fmt.Sprintf("go 1.26.5\n\nuse (\n\t.\n\t%q\n)\n", w.root))
	for _, cmd := range []*exec.Cmd{
		exec.CommandContext(t.Context(), filepath.Join(w.bin(), "goimports"), append([]string{"-w"}, files...)...),
		exec.CommandContext(t.Context(), "go", "build", "./..."),
	} {
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", filepath.Base(cmd.Path), err, out)
		}
	}
}

// session holds the declarations of a notebook's cells so far, by the names they declare.
type session map[string]string

// program returns what the kernel compiles for the next cell: all declarations, the newest of each name, and the cell's own
// main function, which follows %%.
func (s session) program(source string) (string, error) {
	var declared, body []string
	part := &declared
	for line := range strings.Lines(source) {
		switch {
		case strings.TrimSpace(line) == "%%":
			part = &body
		case strings.HasPrefix(line, "%noautoget"):
		case strings.HasPrefix(line, "%"), strings.HasPrefix(line, "!"):
			return "", fmt.Errorf("this test knows nothing of %s", strings.TrimSpace(line))
		default:
			*part = append(*part, line)
		}
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "", "package cell\n"+strings.Join(declared, ""), parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	for _, d := range f.Decls {
		for name, part := range parts(d) {
			var text bytes.Buffer
			if err := printer.Fprint(&text, fset, part); err != nil {
				return "", err
			}
			s[name] = text.String()
		}
	}
	all := []string{"package cell"}                    // not main, which would be linked as well
	for _, name := range slices.Sorted(maps.Keys(s)) { // an import's path begins with a quote, which sorts before letters
		all = append(all, s[name])
	}
	return strings.Join(append(all, "func main() {\n"+strings.Join(body, "")+"\n}\n"), "\n\n"), nil
}

// parts takes a declaration apart into those of single names.
func parts(d ast.Decl) map[string]ast.Decl {
	f, ok := d.(*ast.FuncDecl)
	if ok && f.Recv != nil {
		receiver := f.Recv.List[0].Type
		if star, ok := receiver.(*ast.StarExpr); ok {
			receiver = star.X
		}
		return map[string]ast.Decl{fmt.Sprint(receiver, ".", f.Name): d}
	}
	if ok {
		return map[string]ast.Decl{f.Name.Name: d}
	}
	g := d.(*ast.GenDecl)
	parts := map[string]ast.Decl{}
	for _, spec := range g.Specs {
		one := &ast.GenDecl{Tok: g.Tok, Specs: []ast.Spec{spec}}
		switch spec := spec.(type) {
		case *ast.ImportSpec:
			parts[spec.Path.Value] = one
		case *ast.TypeSpec:
			parts[spec.Name.Name] = one
		case *ast.ValueSpec:
			if g.Tok == token.CONST && len(g.Specs) > 1 {
				one = g // the values of a block may depend on their places in it
			}
			parts[fmt.Sprint(spec.Names)] = one
		}
	}
	return parts
}

func TestProgram(t *testing.T) {
	s := session{}
	for _, test := range []struct {
		cell       string
		has, lacks []string
	}{
		{"%noautoget\nimport \"fmt\"\n\nfunc f() int { return 1 }\nfunc (r *T) f() {}\ntype T int",
			[]string{`import "fmt"`, "return 1", "func (r *T) f()", "type T int", "func main() {\n\n}"}, []string{"%"}},
		{"var a, b = 1, 2\n%%\nfmt.Println(f())", []string{"return 1", "var a, b = 1, 2", "func main() {\nfmt.Println(f())\n}"}, []string{"%"}},
		{"func f() int { return 3 }", []string{"return 3", "func (r *T) f()", "var a, b"}, []string{"return 1", "Println"}},
	} {
		got, err := s.program(test.cell)
		if err != nil {
			t.Fatalf("%q: %v", test.cell, err)
		}
		for _, part := range test.has {
			if !strings.Contains(got, part) {
				t.Errorf("%q: no %q in\n%s", test.cell, part, got)
			}
		}
		for _, part := range test.lacks {
			if strings.Contains(got, part) {
				t.Errorf("%q: %q in\n%s", test.cell, part, got)
			}
		}
	}
	for _, cell := range []string{"%test\nfunc TestX(t *testing.T) {}", "!ls", "x := 1"} {
		if _, err := s.program(cell); err == nil {
			t.Errorf("%q: no error", cell)
		}
	}
}
