"""What grantway costs, as ratios to peers and floors measured in the same run."""
