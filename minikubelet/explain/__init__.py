"""Why a pod is as it is: from the journal's records to an explanation. Pure."""
