/* Empty: WebP without code for one machine's vectors. */
