"""What modules have made: kept, put back, and checked until Maven ends."""
