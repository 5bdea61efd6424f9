package anomaly

// DecodeStream reads a stored stream, and encodes it again.
func DecodeStream(data []byte) ([]byte, error) {
	m, err := decodeStream(data)
	if err != nil {
		return nil, err
	}
	return m.encode()
}
