package recommend

// CacheStats tells the metrics page how well the tenants' values in memory
// serve: look-ups answered and not, values held, bytes they occupy.
func (s *Service) CacheStats() (hits, misses uint64, values int, bytes int64) {
	return s.tenants.Stats()
}
