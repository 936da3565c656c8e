garbage-garbage
