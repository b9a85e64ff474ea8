//! Morelia.
