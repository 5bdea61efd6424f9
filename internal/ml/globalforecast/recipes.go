package globalforecast

// Recipes are the frequencies the shipped model knows, by name.
func Recipes() map[string]Recipe {
	one := []Season{{Period: 1, Share: 1}}
	return map[string]Recipe{
		"yearly": {
			Shape:   Shape{Window: 18, Patch: 1, Tail: 8, Horizon: 8, Hidden: 48, Head: 64},
			Seasons: one, Scored: 1, Near: 6, RelativeShare: 100 / 16.3, ScaledShare: 1 / 3.97,
			Steps: 7000, Batch: 128, Rate: 3e-3, Linear: 0.1, Synthetic: 0.15,
		},
		"quarterly": {
			Shape:   Shape{Window: 24, Patch: 2, Tail: 8, Horizon: 12, Hidden: 48, Head: 64, Seasonal: true},
			Seasons: []Season{{Period: 4, Count: 8, Echo: 4, Share: 1}}, Scored: 4, Near: 8, RelativeShare: 100 / 11., ScaledShare: 1 / 1.37,
			Steps: 8000, Batch: 128, Rate: 3e-3, Linear: 0.1, Synthetic: 0.15,
		},
		"monthly": {
			Shape:   Shape{Window: 36, Patch: 3, Tail: 12, Horizon: 24, Hidden: 48, Head: 64, Seasonal: true},
			Seasons: []Season{{Period: 12, Count: 6, Echo: 12, Share: 1}}, Scored: 12, Near: 18, RelativeShare: 100 / 14.4, ScaledShare: 1 / 1.06,
			Steps: 8000, Batch: 128, Rate: 3e-3, Linear: 0.1, Synthetic: 0.3,
		},
		"weekly": {
			Shape:   Shape{Window: 65, Patch: 5, Tail: 26, Horizon: 26, Hidden: 48, Head: 64, Seasonal: true},
			Seasons: []Season{{Period: 52, Count: 5, Echo: 52, Share: 1}}, Smooth: true, Scored: 1, Near: 13, RelativeShare: 100 / 9.16, ScaledShare: 1 / 2.78,
			Steps: 4500, Batch: 128, Rate: 3e-3, Linear: 0.1, Synthetic: 0.15,
		},
		"daily": {
			Shape:   Shape{Window: 84, Patch: 7, Tail: 14, Horizon: 56, Hidden: 48, Head: 64, Seasonal: true},
			Seasons: []Season{{Period: 7, Count: 12, Echo: 7, Share: 1}}, Scored: 1, Near: 28, RelativeShare: 100 / 10., ScaledShare: 1 / 2.,
			Steps: 6000, Batch: 128, Rate: 3e-3, Linear: 0.1, Synthetic: 0.35,
		},
		"hourly": {
			Shape:   Shape{Window: 168, Patch: 12, Tail: 26, Horizon: 48, Hidden: 48, Head: 64, Seasonal: true},
			Seasons: []Season{{Period: 168, Count: 4, Echo: 24, Share: 0.8}, {Period: 24, Count: 14, Echo: 24, Share: 0.2}}, Scored: 24, Near: 48, RelativeShare: 100 / 18.4, ScaledShare: 1 / 2.4,
			Steps: 6000, Batch: 128, Rate: 3e-3, Linear: 0.1, Synthetic: 0.15,
		},
	}
}
