//go:build !unix

package doctor

func freeBytes(string) (uint64, bool) { return 0, false }

func mostFiles() (uint64, bool) { return 0, false }
