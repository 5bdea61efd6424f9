package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
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
	found := map[string]*errorCode{}
	for _, top := range []string{"api", "internal"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					note(found, call)
				}
				return true
			})
			return nil
		})
		if err != nil {
			return nil, err
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
	name := ""
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		if pkg, ok := f.X.(*ast.Ident); ok && pkg.Name == "api" {
			name = f.Sel.Name
		}
	}
	status, ok := makers[name]
	if !ok {
		return
	}
	args := call.Args
	if status == 0 && len(args) > 0 {
		status, args = statusOf(args[0]), args[1:]
	}
	if len(args) < 2 || status == 0 {
		return
	}
	code, ok := text(args[0])
	if !ok || code == "" {
		return
	}
	c := found[code]
	if c == nil {
		c = &errorCode{Code: code}
		found[code] = c
	}
	c.Statuses = appendNew(c.Statuses, status)
	if message, ok := text(args[1]); ok {
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
