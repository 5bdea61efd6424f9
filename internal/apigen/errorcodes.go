package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// errorCode is one stable code a caller can meet.
type errorCode struct {
	Code     string
	Statuses []int
	Messages []string
}

// makers are the functions of package api that make errors, and the status
// each stands for; 0 reads it from the first argument.
var makers = map[string]int{"BadRequest": 400, "Unprocessable": 422, "NotFound": 404, "Conflict": 409, "NewError": 0}

var statusNames = map[string]int{
	"StatusBadRequest": 400, "StatusUnauthorized": 401, "StatusForbidden": 403, "StatusNotFound": 404, "StatusMethodNotAllowed": 405,
	"StatusRequestTimeout": 408, "StatusConflict": 409, "StatusGone": 410, "StatusRequestEntityTooLarge": 413, "StatusUnsupportedMediaType": 415, "StatusExpectationFailed": 417,
	"StatusUnprocessableEntity": 422, "StatusTooManyRequests": 429, "StatusRequestHeaderFieldsTooLarge": 431, "StatusInternalServerError": 500, "StatusNotImplemented": 501,
	"StatusBadGateway": 502, "StatusServiceUnavailable": 503, "StatusGatewayTimeout": 504, "StatusHTTPVersionNotSupported": 505, "StatusInsufficientStorage": 507,
}

// findErrorCodes reads the source for the places that raise errors.
func findErrorCodes(root string) ([]errorCode, error) {
	packages := map[string][]*ast.File{} // by folder
	for _, top := range []string{"api", "internal"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			folder := filepath.Dir(path)
			packages[folder] = append(packages[folder], file)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	found := map[string]*errorCode{}
	for _, folder := range slices.Sorted(maps.Keys(packages)) {
		files := packages[folder]
		own := ownMakers(files)
		for _, file := range files {
			ast.Inspect(file, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					note(found, call)
					noteOwn(found, own, call)
				}
				return true
			})
		}
	}
	out := make([]errorCode, 0, len(found))
	for _, c := range found {
		sort.Ints(c.Statuses)
		sort.Strings(c.Messages)
		out = append(out, *c)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Code < out[j].Code })
	return out, nil
}

func note(found map[string]*errorCode, call *ast.CallExpr) {
	status, args, ok := maker(call)
	if !ok {
		return
	}
	code, ok := text(args[0])
	if !ok {
		return
	}
	message, _ := text(args[1])
	enter(found, code, status, message)
}

// maker reads a call of one of package api's functions that make errors: the
// status, and the arguments from the code on.
func maker(call *ast.CallExpr) (status int, args []ast.Expr, ok bool) {
	name := ""
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		if pkg, ok := f.X.(*ast.Ident); ok && pkg.Name == "api" {
			name = f.Sel.Name
		}
	}
	status, ok = makers[name]
	args = call.Args
	if ok && status == 0 && len(args) > 0 {
		status, args = statusOf(args[0]), args[1:]
	}
	return status, args, ok && status != 0 && len(args) >= 2
}

// ownMaker is a package's own function that makes an error of a code it is
// given.
type ownMaker struct {
	status int
	// code and message are the places of these arguments; message is -1 if
	// there is none.
	code, message int
}

// ownMakers finds the functions of a package with a parameter named code that
// becomes an error's.
func ownMakers(files []*ast.File) map[string]ownMaker {
	out := map[string]ownMaker{}
	for _, file := range files {
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			m := ownMaker{code: -1, message: -1}
			for i, name := range parameterNames(f) {
				switch name {
				case "code":
					m.code = i
				case "message", "format":
					m.message = i
				}
			}
			if m.code < 0 {
				continue
			}
			ast.Inspect(f.Body, func(n ast.Node) bool {
				if status := passesCode(n); status != 0 {
					m.status = status
				}
				return true
			})
			if m.status != 0 {
				out[f.Name.Name] = m
			}
		}
	}
	return out
}

func parameterNames(f *ast.FuncDecl) []string {
	var names []string
	for _, field := range f.Type.Params.List {
		for _, n := range field.Names {
			names = append(names, n.Name)
		}
	}
	return names
}

// passesCode returns the status with which a node raises the error of the code
// that its function was given, or 0.
func passesCode(n ast.Node) int {
	isCode := func(e ast.Expr) bool {
		id, ok := e.(*ast.Ident)
		return ok && id.Name == "code"
	}
	switch n := n.(type) {
	case *ast.CallExpr:
		if status, args, ok := maker(n); ok && isCode(args[0]) {
			return status
		}
	case *ast.CompositeLit:
		// What numeric packages, which know no HTTP, say of a problem they
		// cannot use: services answer it with 422.
		if name, ok := n.Type.(*ast.Ident); !ok || !strings.HasSuffix(name.Name, "ProblemError") {
			return 0
		}
		for _, e := range n.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok && isCode(kv.Value) {
				return 422
			}
		}
	}
	return 0
}

func noteOwn(found map[string]*errorCode, own map[string]ownMaker, call *ast.CallExpr) {
	name, ok := call.Fun.(*ast.Ident)
	if !ok {
		return
	}
	m, ok := own[name.Name]
	if !ok || m.code >= len(call.Args) {
		return
	}
	code, ok := text(call.Args[m.code])
	if !ok {
		return
	}
	message := ""
	if m.message >= 0 && m.message < len(call.Args) {
		message, _ = text(call.Args[m.message])
	}
	enter(found, code, m.status, message)
}

func enter(found map[string]*errorCode, code string, status int, message string) {
	if code == "" {
		return
	}
	c := found[code]
	if c == nil {
		c = &errorCode{Code: code}
		found[code] = c
	}
	c.Statuses = appendNew(c.Statuses, status)
	if message != "" {
		c.Messages = appendNew(c.Messages, message)
	}
}

func statusOf(e ast.Expr) int {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return statusNames[e.Sel.Name]
	case *ast.BasicLit:
		n, _ := strconv.Atoi(e.Value) // 0 leaves the place out
		return n
	}
	return 0
}

func text(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}

func appendNew[T comparable](list []T, v T) []T {
	for _, x := range list {
		if x == v {
			return list
		}
	}
	return append(list, v)
}
