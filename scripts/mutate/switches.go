// Switches rewrites packages so that a test binary can change one of their
// numbers while it starts: each number in an expression that is not a constant
// becomes a call that gives another one where the variable MUTANT holds the index of
// that change.
//
//	go run ./scripts/mutate DIR... > changes
//
// It writes index, file, line, column, number and the other number of each change,
// one to a line, those of a number one after the other. Numbers in declarations of
// constants, types and keys stay as they are, with index -1.
package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

const runtime = `package %s

import (
	"os"
	"strconv"
)

var mutant = func() int {
	n, err := strconv.Atoi(os.Getenv("MUTANT"))
	if err != nil {
		return -1
	}
	return n
}()

func mutated[T any](index int, as, other T) T {
	if index == mutant {
		return other
	}
	return as
}
`

// skipped are files that only drive assembly, or say where memory lies.
var skipped = regexp.MustCompile(`_amd64|_arm64|^(room|mapped)`)

func main() {
	next := 0
	for _, dir := range os.Args[1:] {
		if err := rewrite(dir, &next); err != nil {
			fmt.Fprintln(os.Stderr, "mutate:", err)
			os.Exit(1)
		}
	}
}

func rewrite(dir string, next *int) error {
	pkg, err := build.ImportDir(dir, 0)
	if err != nil {
		return err
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range pkg.GoFiles {
		f, err := parser.ParseFile(set, filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	config := types.Config{Importer: importer.ForCompiler(set, "source", nil)}
	checked, err := config.Check(dir, set, files, info)
	if err != nil {
		return err
	}
	for i, f := range files {
		if skipped.MatchString(pkg.GoFiles[i]) {
			continue
		}
		if err := rewriteFile(filepath.Join(dir, pkg.GoFiles[i]), set, f, info, checked, next); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "mutated.go"), fmt.Appendf(nil, runtime, pkg.Name), 0o644)
}

func rewriteFile(path string, set *token.FileSet, f *ast.File, info *types.Info, pkg *types.Package, next *int) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	offset := func(p token.Pos) int { return set.Position(p).Offset }
	expressions, fixed := split(f, info)
	signs, lengths := signsOf(f), lengthsOf(f)
	for _, l := range fixed {
		at := set.Position(l.Pos())
		for _, other := range changes(l, signs[l], lengths[l]) {
			fmt.Printf("-1\t%s\t%d\t%d\t%s\t%s\n", path, at.Line, at.Column, l.Value, other)
		}
	}
	var out bytes.Buffer
	last := 0
	for _, e := range expressions {
		from, to := offset(e.Pos()), offset(e.End())
		t := info.Types[e].Type
		name, whole := types.TypeString(t, types.RelativeTo(pkg)), string(text[from:to])
		call := whole
		for _, l := range numbers(e) {
			at := set.Position(l.Pos())
			for _, other := range changes(l, signs[l], lengths[l]) {
				with := string(text[from:at.Offset]) + other + string(text[at.Offset+len(l.Value):to])
				index := *next
				if _, err := types.Eval(set, pkg, l.Pos(), name+"("+with+")"); err != nil {
					index = -1 // outside the type
				} else {
					call = fmt.Sprintf("mutated[%s](%d, %s, %s)", name, index, call, with)
					*next++
				}
				fmt.Printf("%d\t%s\t%d\t%d\t%s\t%s\n", index, path, at.Line, at.Column, l.Value, other)
			}
		}
		out.Write(text[last:from])
		out.WriteString(call)
		last = to
	}
	out.Write(text[last:])
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// split returns the largest constant expressions of a file that may as well be
// computed, in its order, and the numbers that have to be constants.
func split(f *ast.File, info *types.Info) (expressions []ast.Expr, fixed []*ast.BasicLit) {
	marked := constants(f)
	ast.Inspect(f, func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if n == nil {
			return false
		}
		if !ok {
			if marked[n] {
				fixed = append(fixed, numbers(n)...)
			}
			return !marked[n]
		}
		b, basic := info.Types[e].Type.(*types.Basic)
		switch constant := info.Types[e].Value != nil; {
		case marked[n], constant && basic && b.Info()&types.IsUntyped != 0:
			fixed = append(fixed, numbers(n)...)
			return false
		case constant:
			if len(numbers(n)) > 0 {
				expressions = append(expressions, e)
			}
			return false
		}
		return true
	})
	return expressions, fixed
}

func numbers(n ast.Node) (list []*ast.BasicLit) {
	ast.Inspect(n, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && (l.Kind == token.INT || l.Kind == token.FLOAT) {
			list = append(list, l)
		}
		return true
	})
	return list
}

// signsOf marks the numbers that only tell one infinity from the other.
func signsOf(f *ast.File) map[*ast.BasicLit]bool {
	marked := map[*ast.BasicLit]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if name := types.ExprString(call.Fun); name == "math.Inf" || name == "math.IsInf" {
			for _, l := range numbers(call.Args[len(call.Args)-1]) {
				marked[l] = true
			}
		}
		return true
	})
	return marked
}

// lengthsOf marks the numbers in lengths of array types: of a longer array nothing
// reads the rest.
func lengthsOf(f *ast.File) map[*ast.BasicLit]bool {
	marked := map[*ast.BasicLit]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if array, ok := n.(*ast.ArrayType); ok && array.Len != nil {
			for _, l := range numbers(array.Len) {
				marked[l] = true
			}
		}
		return true
	})
	return marked
}

// changes returns a whole number and 1, less 1, its double and its half, of a
// length only the lesser ones, of any other number a thousandth more, its double and
// its half, and the other sign.
func changes(l *ast.BasicLit, sign, length bool) (list []string) {
	v := constant.MakeFromLiteral(l.Value, l.Kind, 0)
	if sign && l.Value != "0" {
		return []string{"(-" + l.Value + ")"}
	}
	if l.Kind == token.INT {
		one, two := constant.MakeInt64(1), constant.MakeInt64(2)
		others := []constant.Value{constant.BinaryOp(v, token.ADD, one), constant.BinaryOp(v, token.SUB, one)}
		if constant.Compare(v, token.GTR, two) {
			others = append(others, constant.BinaryOp(v, token.MUL, two), constant.BinaryOp(v, token.QUO_ASSIGN, two))
		}
		for _, o := range others {
			if length && constant.Compare(o, token.GTR, v) {
				continue
			}
			list = append(list, o.ExactString())
		}
		return list
	}
	x, _ := constant.Float64Val(v)
	if x == 0 {
		return []string{"1.0", "(-1.0)"}
	}
	for _, f := range []float64{1.001, 2, 0.5} {
		list = append(list, strconv.FormatFloat(x*f, 'e', -1, 64))
	}
	return list
}

// constants marks the numbers that have to stay constants: in declarations of
// such, in types, and as keys.
func constants(f *ast.File) map[ast.Node]bool {
	marked := map[ast.Node]bool{}
	mark := func(n ast.Node) {
		if n != nil {
			ast.Inspect(n, func(n ast.Node) bool {
				marked[n] = n != nil
				return true
			})
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			if n.Tok == token.CONST {
				mark(n)
			}
		case *ast.ArrayType:
			if n.Len != nil {
				mark(n.Len)
			}
		case *ast.CompositeLit:
			for _, e := range n.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok {
					if _, name := kv.Key.(*ast.Ident); !name {
						mark(kv.Key)
					}
				}
			}
		}
		return true
	})
	return marked
}
