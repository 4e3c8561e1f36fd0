"""Who may do what: Cedar policies, the facts they see, the engine that asks them, the matrix that shows them."""
