"""Who is who: the cluster's sealed keys, its CA, access tokens, people and workers."""
