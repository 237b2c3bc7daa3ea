"""The one place where parts are chosen and joined: `home` what with, `verbs` how, `pipeline` for users."""
