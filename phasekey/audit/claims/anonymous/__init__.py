"""Does `anonymous` keep its promise? The input is one of k, each as likely."""
